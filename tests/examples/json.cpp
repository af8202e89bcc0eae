// JSON in and out: adds the numbers that it is sent. Built where nlohmann-json is installed.
//
//   json 127.0.0.1:8080    then: curl -H 'Content-Type: application/json' -d '[1, 2]' 127.0.0.1:8080/sum
//   json                   asks itself, and ends
#include <weft/weft.hpp>

#include <cstdio>

#include <weft/http/json.hpp>

using namespace std::chrono_literals;
namespace http = weft::http;

weft::result<void> sum(http::request& q, http::response& s) {
  double total = 0;
  for (const auto& number : WEFT_TRY(http::read_json(q))) {
    if (!number.is_number()) return std::unexpected(http::status::unprocessable_content);
    total += number.get<double>();
  }
  http::write_json(s, {{"sum", total}});
  return {};
}

weft::result<void> ask(std::string at, std::string json) {
  http::client client;
  auto reply = WEFT_TRY(client.send({.method = "POST",
                                     .url = "http://" + at + "/sum",
                                     .headers = {{"Content-Type", "application/json"}},
                                     .body = std::move(json)},
                                    5s));
  std::string text = WEFT_TRY(reply.body());
  if (text.ends_with('\n')) text.pop_back();
  std::puts(text.c_str());
  return {};
}

weft::result<void> app(std::string_view at) {
  http::router routes;
  routes.post("/sum", sum);
  http::server server{std::move(routes), {.drain = 1s}};
  WEFT_TRY(server.listen(at.empty() ? "127.0.0.1:0" : at));
  auto serving = weft::spawn([&] { return server.serve(); });
  if (at.empty()) {
    WEFT_TRY(ask(server.addresses().front(), "[1, 2, 3.5]"));
    WEFT_TRY(ask(server.addresses().front(), "[1, \"two\"]"));
    WEFT_TRY(ask(server.addresses().front(), "[1, 2"));
  } else {
    WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  }
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const std::string_view at = argc > 1 ? argv[1] : "";
  return weft::exit_status(weft::run([=] { return app(at); }), "json");
}
