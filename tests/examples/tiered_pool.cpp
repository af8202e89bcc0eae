// Messages of any length lie in blocks that are just large enough; who has one of 1 MiB keeps nobody from the
// small ones.
//
//     tiered_pool
#include <cstdio>

#include <weft/weft.hpp>

weft::result<void> app(weft::tiered_pool& pool) {
  for (const std::size_t length : {100u, 3'000u, 50'000u}) {
    const auto block = WEFT_TRY(pool.acquire(length));
    std::printf("%zu bytes lie in %zu\n", length, block.size());
  }
  const auto largest = WEFT_TRY(pool.acquire(1'000'000));
  const auto another = pool.acquire(1'000'000);
  std::printf("another of %zu: %s\n", largest.size(), another.error().message().c_str());
  return {};
}

int main() {
  weft::tiered_pool pool{{.mib1 = {.limit = 1, .exhausted = weft::exhaustion::refuse}}};
  return weft::exit_status(weft::run([&] { return app(pool); }), "tiered_pool");
}
