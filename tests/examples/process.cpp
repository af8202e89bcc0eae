// Runs programs as a shell would: what one gives is what another gets, and none may take too long.
#include <weft/weft.hpp>

#include <array>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;
namespace process = weft::process;

weft::result<std::string> read_all(process::pipe_end& from, weft::deadline until) {
  std::string all;
  std::array<char, 512> buffer;
  while (const std::size_t n = WEFT_TRY(from.read(std::as_writable_bytes(std::span{buffer}), until)))
    all.append(buffer.data(), n);
  return all;
}

weft::result<void> sort_lines() {
  auto sort = WEFT_TRY(process::spawn(
      {.arguments = {"sort"}, .input = process::standard::pipe, .output = process::standard::pipe}));
  WEFT_TRY(sort.input().write_all(std::string{"pear\napple\nfig\n"}, 5s));
  sort.input().close();
  std::printf("%s", WEFT_TRY(read_all(sort.output(), 5s)).c_str());
  const process::exit_status ended = WEFT_TRY(sort.wait(5s));
  std::printf("sort: exit status %d\n", ended.code);
  return {};
}

weft::result<void> give_up_on_a_slow_one() {
  auto slow = WEFT_TRY(process::spawn({.arguments = {"sleep", "100"}}));
  const auto waited = slow.wait(20ms);
  std::printf("sleep: %s\n", waited ? "ended" : waited.error().message().c_str());
  const process::exit_status ended = WEFT_TRY(slow.stop(5s));
  std::printf("sleep: ended by signal %d\n", ended.signal);
  return {};
}

int main() {
  const auto ended = weft::run([]() -> weft::result<void> {
    WEFT_TRY(sort_lines());
    return give_up_on_a_slow_one();
  });
  return weft::exit_status(ended, "process");
}
