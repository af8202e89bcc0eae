// Bodies that go to files, over real sockets.
// real time: the clients are foreign threads.
#include "server_fixture.hpp"

#include <string>

#include <weft/http/multipart.hpp>
#include <weft/io/file.hpp>

namespace weft::testing {
namespace {

// The size of the file, and a sum of its bytes.
result<std::string> told(io::file& file) {
  std::byte bytes[4096];
  std::uint64_t sum = 0;
  std::uint64_t size = 0;
  while (const std::size_t n = WEFT_TRY(file.pread(bytes, size))) {
    for (std::size_t i = 0; i < n; ++i) sum = sum * 31 + std::to_integer<unsigned>(bytes[i]);
    size += n;
  }
  return std::to_string(size) + ' ' + std::to_string(sum);
}

std::string told(std::string_view text) {
  std::uint64_t sum = 0;
  for (const char c : text) sum = sum * 31 + static_cast<unsigned char>(c);
  return std::to_string(text.size()) + ' ' + std::to_string(sum);
}

void routes_that_save(http::router& r) {
  r.post("/save",
         [](http::request& q, http::response& s) -> result<void> {
           io::file file = WEFT_TRY(io::file::temporary());
           const std::uint64_t size = WEFT_TRY(q.save(file));
           s.text(std::to_string(size) + ' ' + WEFT_TRY(told(file)));
           return {};
         },
         {.body_max = 2 << 20});
  r.post("/parts", [](http::request& q, http::response& s) -> result<void> {
    auto parts = WEFT_TRY(http::multipart::open(q));
    std::string all;
    while (WEFT_TRY(parts.next())) {
      io::file file = WEFT_TRY(io::file::temporary());
      all += std::to_string(WEFT_TRY(parts.save(file))) + ' ';
      all += WEFT_TRY(told(file)) + ';';
    }
    s.text(all);
    return {};
  });
  r.post("/form", [](http::request& q, http::response& s) -> result<void> {
    const http::form f = WEFT_TRY(q.form());
    s.text(f.field("a").value_or("none"));
    return {};
  });
}

std::string noise(std::size_t size) {
  std::string text(size, 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i >> 3);
  return text;
}

}  // namespace

class HttpUpload : public HttpServer {
 protected:
  void SetUp() override { start({}, routes_that_save); }
};

TEST_F(HttpUpload, spools_a_body_to_a_file) {
  client c = connect();
  for (const std::size_t size : {0u, 1u, 70'000u, 1'000'000u}) {
    const std::string body = noise(size);
    c.send(post("/save", body));
    EXPECT_EQ(body_of(c.response()), std::to_string(size) + ' ' + told(body));
  }
}

TEST_F(HttpUpload, spools_parts_to_files) {
  const std::string first = noise(300'000), second = noise(10);
  const std::string body = "--b\r\nContent-Disposition: form-data; name=x; filename=y\r\n\r\n" + first +
                           "\r\n--b\r\nContent-Disposition: form-data; name=z\r\n\r\n" + second +
                           "\r\n--b--\r\n";
  client c = connect();
  c.send(
      "POST /parts HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body + get("/"));
  EXPECT_EQ(body_of(c.response()), "300000 " + told(first) + ";10 " + told(second) + ';');
  EXPECT_EQ(status_of(c.response()), "200");
}

TEST_F(HttpUpload, reads_forms) {
  const auto answered = [this](std::string_view type, const std::string& body) {
    client c = connect();
    c.send("POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: " + std::string{type} +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    const std::string response = c.response();
    return status_of(response) + ' ' + body_of(response);
  };
  EXPECT_EQ(answered("application/x-www-form-urlencoded", "b=1&a=x%20y"), "200 x y");
  EXPECT_EQ(answered("Application/X-WWW-Form-Urlencoded; charset=utf-8", "a"), "200 ");
  EXPECT_EQ(answered("text/plain", "a=1").substr(0, 3), "415");
  EXPECT_EQ(answered("application/x-www-form-urlencoded", "a=%").substr(0, 3), "400");
}

}  // namespace weft::testing
