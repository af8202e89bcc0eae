// Forms: one that a browser sends as a line of fields, and one with files, each of which is written to disk
// as it comes, whatever its size.
//
//   forms 127.0.0.1:8080        then: curl -d name=you http://127.0.0.1:8080/greet
//                                     curl -F photo=@cat.jpg http://127.0.0.1:8080/upload
//   forms                       sends itself one of each, and ends
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
namespace http = weft::http;
namespace io = weft::io;
namespace net = weft::net;

http::router routes() {
  http::router r;
  r.post("/greet", [](http::request& q, http::response& s) -> weft::result<void> {
    const http::form form = WEFT_TRY(q.form());
    s.text("hello, " + std::string{form.field("name").value_or("nobody")} + "\n");
    return {};
  });
  r.post("/upload",
         [](http::request& q, http::response& s) -> weft::result<void> {
           auto parts = WEFT_TRY(http::multipart::open(q, {.parts = 10}));
           std::string told;
           while (WEFT_TRY(parts.next())) {
             told.append(parts.name()).append(": ");
             if (parts.file_name()) {
               io::file file = WEFT_TRY(io::file::temporary());
               told += std::to_string(WEFT_TRY(parts.save(file))) + " bytes\n";
             } else {
               told += WEFT_TRY(parts.text()) + "\n";
             }
           }
           s.text(told);
           return {};
         },
         {.body_max = 100 << 20});
  return r;
}

// Prints the body of what is answered.
weft::result<void> send(std::string at, std::string_view path, std::string_view type, std::string_view body) {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  const std::string head = "POST " + std::string{path} +
                           " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " + std::string{type} +
                           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  WEFT_TRY(s.write_all(head, 5s));
  WEFT_TRY(s.write_all(body, 5s));
  net::line_reader lines{s};
  bool in_body = false;
  while (const auto line = WEFT_TRY(lines.read_line(5s))) {
    if (in_body) std::printf("%.*s\n", static_cast<int>(line->size()), line->data());
    in_body = in_body || line->empty();
  }
  return {};
}

weft::result<void> app(std::string_view at) {
  http::server server{routes(), {.drain = 1s}};
  WEFT_TRY(server.listen(at.empty() ? "127.0.0.1:0" : at));
  auto serving = weft::spawn([&] { return server.serve(); });
  if (at.empty()) {
    const std::string here = server.addresses().front();
    WEFT_TRY(send(here, "/greet", "application/x-www-form-urlencoded", "name=you+two&x=y"));
    WEFT_TRY(send(here, "/upload", "multipart/form-data; boundary=b",
                  "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA cat\r\n"
                  "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"cat.jpg\"\r\n\r\n"
                  "meow\r\n--b--\r\n"));
  } else {
    WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  }
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const std::string_view at = argc > 1 ? argv[1] : "";
  return weft::exit_status(weft::run([=] { return app(at); }), "forms");
}
