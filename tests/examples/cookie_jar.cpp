// A client that logs in, and is known from then on. It asks a server of its own.
//
//   cookie_jar
#include <weft/weft.hpp>

#include <cstdio>
#include <memory>

using namespace std::chrono_literals;
namespace http = weft::http;

http::router routes() {
  http::router r;
  r.post("/login", [](http::request&, http::response& s) -> weft::result<void> {
    s.set_cookie({.name = "session", .value = "1234", .max_age = 1h});
    s.redirect("/", http::status::see_other);
    return {};
  });
  r.get("/", [](http::request& q, http::response& s) -> weft::result<void> {
    s.text(q.cookie("session") ? "You are known.\n" : "Who are you?\n");
    return {};
  });
  return r;
}

weft::result<void> ask(const std::string& server) {
  const auto jar = std::make_shared<http::cookie_jar>();
  http::client client{{.redirects_max = 5, .cookies = jar}};
  const auto before = WEFT_TRY(WEFT_TRY(client.get(server + "/", 5s)).body());
  std::printf("%s", before.c_str());
  auto after = WEFT_TRY(client.send({.method = "POST", .url = server + "/login"}, 5s));
  std::printf("%s", WEFT_TRY(after.body()).c_str());
  std::printf("%zu cookie: %s\n", jar->size(), WEFT_TRY(jar->field_for(server)).c_str());
  return {};
}

weft::result<void> app() {
  http::server server{routes(), {.drain = 1s}};
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  const auto asked = ask("http://" + server.addresses().front());
  server.request_stop();
  WEFT_TRY(serving.join());
  return asked;
}

int main() { return weft::exit_status(weft::run(app), "cookie_jar"); }
