// Errors are values: WEFT_TRY passes them on, main() ends with them.
//
//   result 42        prints 43
//   result 4x        prints "result: Invalid argument" to stderr, exits with 1
#include <weft/weft.hpp>

#include <charconv>
#include <cstdio>

weft::result<int> number(std::string_view text) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  return n;
}

weft::result<void> print_next(std::string_view text) {
  std::printf("%d\n", WEFT_TRY(number(text)) + 1);
  return {};
}

int main(int argc, char** argv) { return weft::exit_status(print_next(argc > 1 ? argv[1] : "42"), "result"); }
