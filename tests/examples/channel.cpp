// One fiber reads, one works, and a channel of two places between them keeps the reader from running ahead.
//
//   channel
#include <weft/weft.hpp>

#include <cstdio>
#include <string>

int main() {
  return weft::exit_status(weft::run([]() -> weft::result<void> {
                             weft::channel<std::string> lines{2};  // 0: each send waits for its recv
                             auto reader = weft::spawn([&]() -> weft::result<void> {
                               for (const char* line : {"warp", "weft", "selvedge"})
                                 WEFT_TRY(lines.send(line));  // waits while two lie there
                               lines.close();                 // what lies there is still received
                               return {};
                             });
                             std::size_t letters = 0;
                             for (const std::string& line : lines) {
                               std::printf("%s\n", line.c_str());
                               letters += line.size();
                             }
                             WEFT_TRY(weft::this_fiber::checkpoint());  // drained, or was it asked to stop?
                             WEFT_TRY(reader.join());
                             std::printf("%zu letters\n", letters);
                             if (const auto late = lines.send("too late"); !late)
                               std::printf("one more: %s\n", late.error().message().c_str());
                             return {};
                           }),
                           "channel");
}
