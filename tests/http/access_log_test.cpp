// The access log: lines arrive whole and in order, and what cannot be written is counted and reported.
#include <weft/http/access_log.hpp>

#include <unistd.h>

#include <array>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "folder_fixture.hpp"

namespace weft::testing {
namespace {

using namespace std::chrono_literals;
using http::access_log;

std::mutex heard_lock;
std::vector<std::string> heard;

std::vector<std::string> reports() {
  const std::lock_guard guard{heard_lock};
  return heard;
}

class AccessLog : public weft_test::leak_check {
 protected:
  AccessLog() { heard.clear(); }

  // What `f` logs to the file at `path`, until that is closed.
  template <class F>
  void with_log(const std::string& path, F f, http::access_log_options options = {.interval = 1ms}) {
    runtime rt{weft::options{.workers = 2, .error_sink = [](std::string_view text) {
                               const std::lock_guard guard{heard_lock};
                               heard.emplace_back(text);
                             }}};
    rt.block_on([&] {
      auto log = access_log::open(path, options);
      ASSERT_TRUE(log) << log.error().message();
      task<result<void>> writing;
      f(*log, [&] { writing = spawn([&] { return log->run(); }); });
      log->close();
      EXPECT_TRUE(writing.join());
      lost_ = log->lost();
    });
  }
  static std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file{path};
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  folder at_;
  std::uint64_t lost_ = 0;
};

TEST_F(AccessLog, has_every_line_of_every_writer_in_its_order) {
  constexpr int each = 2000;
  const std::string path = at_.path("log");
  with_log(path, [](access_log& log, auto run) {
    run();
    std::vector<task<void>> writers;
    writers.reserve(4);
    for (int w = 0; w < 4; ++w)
      writers.push_back(spawn([&log, w] {
        for (int i = 0; i < each; ++i) {
          log.write(std::to_string(w) + ' ' + std::to_string(i));
          if (i % 100 == 0) this_fiber::yield();
        }
      }));
    for (auto& w : writers) w.join();
  });
  EXPECT_EQ(lost_, 0u);
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 4u * each);
  std::array<int, 4> next{};
  for (const std::string& line : lines) {
    std::istringstream in{line};
    std::size_t writer = 4;
    int number = -1;
    in >> writer >> number;
    ASSERT_LT(writer, 4u) << line;
    ASSERT_EQ(number, next[writer]++) << line;
  }
  EXPECT_TRUE(reports().empty());
}

TEST_F(AccessLog, adds_to_what_is_there) {
  const std::string path = at_.path("log");
  for (int i = 0; i < 2; ++i)
    with_log(path, [](access_log& log, auto run) {
      log.write("before it runs");
      run();
    });
  EXPECT_EQ(lines_of(path).size(), 2u);
}

TEST_F(AccessLog, loses_whole_lines_when_there_is_no_room_and_says_how_many) {
  const std::string path = at_.path("log");
  with_log(path,
           [](access_log& log, auto run) {
             for (int i = 0; i < 10; ++i) log.write("123456789");
             run();
           },
           {.pending_max = 45, .interval = 1ms});
  EXPECT_EQ(lines_of(path), std::vector<std::string>(4, "123456789"));
  EXPECT_EQ(lost_, 6u);
  ASSERT_EQ(reports().size(), 1u);
  EXPECT_NE(reports()[0].find("lost 6 lines"), std::string::npos) << reports()[0];
}

TEST_F(AccessLog, reports_a_disk_that_is_full) {
  with_log("/dev/full", [](access_log& log, auto run) {
    log.write("a");
    log.write("b");
    run();
  });
  EXPECT_EQ(lost_, 2u);
  ASSERT_EQ(reports().size(), 1u);
  EXPECT_NE(reports()[0].find("No space left on device"), std::string::npos) << reports()[0];
}

TEST_F(AccessLog, says_why_it_cannot_be_opened) {
  const auto log = access_log::open(at_.path("no/such/directory"));
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error(), std::errc::no_such_file_or_directory);
}

TEST_F(AccessLog, is_written_to_its_end_when_its_fiber_is_stopped) {
  const std::string path = at_.path("log");
  runtime rt{weft::options{.workers = 1}};
  rt.block_on([&] {
    auto log = access_log::open(path).value();
    auto writing = spawn([&] { return log.run(); });
    this_fiber::yield();
    log.write("the last");
    writing.request_stop();
    EXPECT_EQ(writing.join().error(), errc::canceled);
  });
  EXPECT_EQ(lines_of(path), std::vector<std::string>{"the last"});
}

}  // namespace
}  // namespace weft::testing
