// Three downloads at a time; the first that fails cancels the others, and its error is the error of all.
//
//   nursery
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<void> download(int page) {
  WEFT_TRY(weft::this_fiber::sleep_for(1ms));
  if (page == 13) return std::unexpected(std::make_error_code(std::errc::connection_reset));
  return {};
}

weft::result<int> download_all(int pages) {
  int done = 0;
  WEFT_TRY(weft::with_nursery(
      [&](weft::nursery& n) {
        for (int page = 0; page < pages; ++page)
          n.spawn([&done, page]() -> weft::result<void> {
            WEFT_TRY(download(page));
            ++done;
            return {};
          });
      },
      {.children_max = 3}));
  return done;  // every child has ended
}

weft::result<void> app() {
  std::printf("10 pages: %d downloaded\n", WEFT_TRY(download_all(10)));
  if (const auto all = download_all(20); !all) std::printf("20 pages: %s\n", all.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app, {.workers = 1}), "nursery"); }
