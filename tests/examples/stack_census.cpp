// How much stack the fibers of each spawn site use, to choose spawn_options::stack by. WEFT_STACK_CENSUS=FILE
// does the same for any program that takes its options from the environment; weft-doctor --stacks FILE reads
// it.
//
//   stack_census
#include <weft/weft.hpp>

#include <cstdio>
#include <cstring>

__attribute__((noinline)) void deep() {
  char some[64 * 1024];
  std::memset(some, 1, sizeof some);
  asm volatile("" : : "r"(some) : "memory");
}

weft::result<void> app() {
  for (int i = 0; i < 50; ++i) weft::spawn([] {}, {.name = "flat"}).join();
  for (int i = 0; i < 5; ++i) weft::spawn(deep, {.stack = weft::stack_class::kib256}).join();
  return {};
}

int main() {
  weft::options o;
  o.stack_census = true;
  const auto status = weft::exit_status(weft::run(app, o), "stack_census");
  for (const weft::stack_use& use : weft::stack_census())
    if (use.function.find("app") != std::string::npos)
      std::printf("%s: %llu fibers, at most %zu KiB\n",
                  use.stack == weft::stack_class::kib256 ? "deep" : "flat",
                  static_cast<unsigned long long>(use.fibers), use.bytes_max / 1024);
  return status;
}
