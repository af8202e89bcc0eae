// A message is built in a buffer, then shared by several receivers without a copy.
//
//   buffer
#include <weft/weft.hpp>

#include <charconv>
#include <cstdio>
#include <utility>

int main() {
  weft::buffer message{32};  // not zeroed: what is not written is cut off below
  char* const text = reinterpret_cast<char*>(message.data());
  const auto written = std::to_chars(text, text + message.size(), 1234567890);
  message.resize(static_cast<std::size_t>(written.ptr - text));

  const weft::bytes shared{std::move(message)};
  std::printf("%zu bytes, first: %c\n", shared.size(), static_cast<char>(shared[0]));
}
