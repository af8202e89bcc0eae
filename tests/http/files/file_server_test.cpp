// Large files over real connections: the kernel sends them, as fast as each client reads.
// real time: the clients are foreign threads.
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <weft/http/files/static_files.hpp>

#include "folder_fixture.hpp"
#include "server_fixture.hpp"

namespace weft::testing {
namespace {

using namespace std::chrono_literals;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23 + i / 4096 % 3);
  return text;
}

class FileServer : public weft_test::leak_check {
 protected:
  FileServer() {
    failures = 0;
    in.write("large.bin", content);
    in.write("small.txt", "small");
    http::router r;
    r.get("/{path...}", http::static_files{in.path()});
    rt = std::make_unique<runtime>(
        weft::options{.workers = 2, .error_sink = [](std::string_view) { failures.fetch_add(1); }});
    server = std::make_unique<http::server>(std::move(r), http::server_options{});
    rt->block_on([&] { ASSERT_TRUE(server->listen("127.0.0.1:0")); });
    serving = rt->spawn([this] { return server->serve(); });
  }
  ~FileServer() override {
    server->request_stop();
    EXPECT_TRUE(serving.join());
    EXPECT_TRUE(rt->stop(5s));
    EXPECT_EQ(failures, 0);
    rt.reset();
    server.reset();
  }

  client connect() const { return client{server->addresses().front()}; }

  const std::string content = pattern(6'000'001);
  folder in;
  std::unique_ptr<runtime> rt;
  std::unique_ptr<http::server> server;
  task<result<void>> serving;
  static inline std::atomic<int> failures{0};
};

TEST_F(FileServer, sends_all_of_a_large_file_and_goes_on) {
  client c = connect();
  for (int i = 0; i < 3; ++i) {
    c.send(get("/large.bin") + get("/small.txt"));
    const std::string large = c.response();
    EXPECT_EQ(status_of(large), "200");
    EXPECT_TRUE(body_of(large) == content);
    EXPECT_EQ(body_of(c.response()), "small");
  }
}

TEST_F(FileServer, sends_parts_of_a_large_file) {
  client c = connect();
  c.send(get("/large.bin", "Range: bytes=4095-2000000\r\n"));
  EXPECT_TRUE(body_of(c.response()) == content.substr(4095, 2000000 - 4095 + 1));
  c.send(get("/large.bin", "Range: bytes=0-9,-1000000\r\n"));
  const std::string several = body_of(c.response());
  EXPECT_NE(several.find("\r\n\r\n" + content.substr(0, 10) + "\r\n--"), several.npos);
  EXPECT_NE(several.find("\r\n\r\n" + content.substr(content.size() - 1000000) + "\r\n--"), several.npos);
  c.send(get("/small.txt"));
  EXPECT_EQ(body_of(c.response()), "small");
}

TEST_F(FileServer, serves_many_at_once) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  threads.reserve(8);
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      client c = connect();
      c.send(get("/large.bin"));
      if (body_of(c.response()) == content) right.fetch_add(1);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right, 8);
}

// It does not count as a failure of the server's.
TEST_F(FileServer, outlives_a_client_that_leaves_in_the_middle) {
  for (int i = 0; i < 4; ++i) {
    client leaves = connect();
    leaves.send(get("/large.bin"));
    EXPECT_EQ(leaves.some(10000).size(), 10000u);
    leaves.reset();
  }
  client c = connect();
  c.send(get("/small.txt"));
  EXPECT_EQ(body_of(c.response()), "small");
}

}  // namespace
}  // namespace weft::testing
