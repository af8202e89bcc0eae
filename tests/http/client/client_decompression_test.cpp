// The client where bodies come compressed.
#include "client_fixture.hpp"

#include <mutex>
#include <string>

#include <weft/runtime/mutex.hpp>

#include "compressed.hpp"

namespace weft::testing {
namespace {

const std::string text(100'000, 'x');

TEST_F(HttpClient, undoes_a_coding_only_if_told_to) {
  on_fiber([] {
    const std::string body = compressed(text, as_gzip);
    mutex lock;
    std::string seen;  // the last request, of any connection
    const auto last = [&] {
      const std::scoped_lock held{lock};
      return seen;
    };
    scripted_server server{{[&](server_side& s) {
      while (true) {
        const std::string request = s.request();
        if (request.empty()) return;
        {
          const std::scoped_lock held{lock};
          seen = request;
        }
        s.send(ok(body, "Content-Encoding: gzip\r\n"));
      }
    }}};
    http::client plain, decoding{{.decompress = true}};
    EXPECT_TRUE(text_of(plain.get(server.url(), 5s)) == body);
    EXPECT_FALSE(last().contains("Accept-Encoding"));
    for (int i = 0; i < 2; ++i) {
      auto got = decoding.get(server.url(), 5s);
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(got->header("Content-Encoding"), "gzip");
      EXPECT_TRUE(text_of(std::move(got)) == text);
      EXPECT_TRUE(last().contains("\r\nAccept-Encoding: gzip, deflate\r\n"));
    }
    EXPECT_EQ(decoding.stats().misses, 1u);
    auto head = decoding.send({.method = "HEAD", .url = server.url()}, 5s);
    ASSERT_TRUE(head);
    EXPECT_EQ(text_of(std::move(head)), "");
    plain.close();
    decoding.close();
  });
}

TEST_F(HttpClient, limits_bodies_by_what_they_become) {
  on_fiber([] {
    scripted_server server{{always(ok(compressed(text, as_gzip), "Content-Encoding: gzip\r\n"))}};
    scripted_server bomb{{always(
        ok(compressed(std::string(std::size_t{8} << 20, 'x'), as_gzip), "Content-Encoding: gzip\r\n"))}};
    http::client client{{.decompress = true}};
    EXPECT_TRUE(client.get(server.url(), 5s)->body(text.size()));
    EXPECT_EQ(client.get(server.url(), 5s)->body(text.size() - 1).error(), errc::limit);
    EXPECT_EQ(client.get(bomb.url(), 5s)->body().error(), errc::limit);
    client.close();
  });
}

TEST_F(HttpClient, refuses_codings_that_are_broken_or_cut) {
  on_fiber([] {
    const std::string body = compressed(text, as_gzip);
    scripted_server cut{{always(ok(body.substr(0, body.size() - 4), "Content-Encoding: gzip\r\n"))}};
    scripted_server broken{{always(ok("no gzip", "Content-Encoding: gzip\r\n"))}};
    http::client client{{.decompress = true}};
    EXPECT_EQ(text_of(client.get(cut.url(), 5s)), make_error_code(errc::end_of_stream).message());
    EXPECT_EQ(text_of(client.get(broken.url(), 5s)), make_error_code(errc::protocol).message());
    client.close();
  });
}

}  // namespace
}  // namespace weft::testing
