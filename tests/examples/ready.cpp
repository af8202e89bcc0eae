// Waits for a descriptor and a channel at once.
//
//   ready
#include <weft/weft.hpp>

#include <cerrno>
#include <cstdio>
#include <span>

#include <fcntl.h>
#include <unistd.h>

int main() {
  return weft::exit_status(weft::run([]() -> weft::result<void> {
                             int ends[2];
                             if (::pipe2(ends, O_CLOEXEC) != 0)
                               return std::unexpected(std::error_code{errno, std::system_category()});
                             weft::channel<int> numbers{0};
                             auto sends = weft::spawn([&]() -> weft::result<void> {
                               WEFT_TRY(numbers.send(42));
                               WEFT_TRY(weft::io::write(ends[1], std::string_view{"hello"}));
                               return {};
                             });
                             for (int i = 0; i < 2; ++i) {
                               bool readable = false;
                               WEFT_TRY(weft::select(weft::io::readable(ends[0], [&] { readable = true; }),
                                                     weft::on_recv(numbers, [](weft::result<int> n) {
                                                       std::printf("from the channel: %d\n", *n);
                                                     })));
                               if (!readable) continue;
                               char text[8];
                               const std::size_t n =
                                   WEFT_TRY(weft::io::read(ends[0], std::as_writable_bytes(std::span{text})));
                               std::printf("from the pipe: %.*s\n", static_cast<int>(n), text);
                             }
                             WEFT_TRY(weft::io::close(ends[0]));
                             WEFT_TRY(weft::io::close(ends[1]));
                             return sends.join();
                           }),
                           "ready");
}
