// An HTTP client: a page, a question with fields and a body, an answer and a question in pieces. It asks a
// server of its own.
//
//   client
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

using namespace std::chrono_literals;
namespace http = weft::http;

http::router routes() {
  http::router r;
  r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
  r.post("/shout", [](http::request& q, http::response& s) -> weft::result<void> {
    s.text(std::string{WEFT_TRY(q.body())} + '!');
    return {};
  });
  r.get("/numbers", [](http::request&, http::response& s) -> weft::result<void> {
    for (int i = 0; i < 1000; ++i) WEFT_TRY(s.write(std::to_string(i) + '\n'));
    return {};
  });
  return r;
}

weft::result<void> ask(http::client& client, const std::string& server) {
  auto page = WEFT_TRY(client.get(server + '/', 5s));
  std::printf("%s\n", WEFT_TRY(page.body()).c_str());

  const http::call question{.method = "POST",
                            .url = server + "/shout",
                            .headers = {{"Content-Type", "text/plain"}},
                            .body = "weft"};
  auto shout = WEFT_TRY(client.send(question, 5s));
  std::printf("%s\n", WEFT_TRY(shout.body()).c_str());

  auto numbers = WEFT_TRY(client.get(server + "/numbers", 5s));
  std::array<std::byte, 512> piece;
  std::size_t bytes = 0;
  while (const std::size_t n = WEFT_TRY(numbers.read(piece))) bytes += n;
  std::printf("%zu bytes in pieces\n", bytes);

  int left = 3;
  http::body_producer auto knocks = [&](std::span<std::byte> into) -> weft::result<std::size_t> {
    if (left-- == 0) return std::size_t{0};
    return std::string_view{"knock "}.copy(reinterpret_cast<char*>(into.data()), into.size());
  };
  auto knocked = WEFT_TRY(client.send({.method = "POST", .url = server + "/shout"}, knocks, 5s));
  std::printf("%s\n", WEFT_TRY(knocked.body()).c_str());

  auto missing = WEFT_TRY(client.get(server + "/nothing", 5s));  // an answer, and no error
  std::printf("status %d\n", static_cast<int>(missing.status()));
  const auto wrong = client.get("https://example.com/");
  std::printf("not sent: %s\n", wrong.error().message().c_str());
  return {};
}

weft::result<void> app() {
  http::server server{routes(), {.drain = 1s}};
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  const http::client_options patience{.head = 10s, .read = 5s};
  http::client client{patience};
  const auto asked = ask(client, "http://" + server.addresses().front());
  std::printf("over %zu connection\n", static_cast<std::size_t>(client.stats().misses));
  server.request_stop();
  WEFT_TRY(serving.join());
  return asked;
}

int main() { return weft::exit_status(weft::run(app), "client"); }
