// malloc and new, on one thread: the C library's, or with -lmimalloc mimalloc's, which takes over malloc in
// whatever links it.
#include <cstdint>
#include <cstdlib>

#include "pool_work.hpp"

namespace {

template <std::size_t Bytes>
auto take_block = [](std::uint64_t i) {
  auto* const block = static_cast<std::uint64_t*>(std::malloc(Bytes));
  *block = i;
  return block;
};
const auto give_block = [](std::uint64_t* block) { std::free(block); };

bench::sample blocks_1k(std::uint64_t operations) {
  return bench::one_by_one(operations, take_block<1024>, give_block);
}

bench::sample blocks_1k_in_bursts(std::uint64_t operations) {
  return bench::in_bursts(operations, take_block<1024>, give_block);
}

bench::sample blocks_64k(std::uint64_t operations) {
  return bench::one_by_one(operations, take_block<65536>, give_block);
}

/// As buffer_pool's begin: on a page.
bench::sample buffers_64k(std::uint64_t operations) {
  const auto take = [](std::uint64_t i) {
    auto* const block = static_cast<std::uint64_t*>(std::aligned_alloc(4096, 65536));
    *block = i;
    return block;
  };
  return bench::one_by_one(operations, take, give_block);
}

bench::sample objects(std::uint64_t operations) {
  return bench::one_by_one(
      operations, [](std::uint64_t i) { return new bench::object{i}; },
      [](bench::object* object) { delete object; });
}

const int rows[] = {
    bench::time_row("pool/block", blocks_1k),      bench::time_row("pool/block_burst", blocks_1k_in_bursts),
    bench::time_row("pool/block_64k", blocks_64k), bench::time_row("pool/buffer_64k", buffers_64k),
    bench::time_row("pool/object", objects),
};

}  // namespace

int main(int argc, char** argv) { return bench::run_rows(argc, argv, "malloc"); }
