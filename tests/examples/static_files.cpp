// The files below a directory, over HTTP.
//
//   static_files /srv/www 127.0.0.1:8080     then: curl -i http://127.0.0.1:8080/
//   static_files                             serves a page to itself, and ends
#include <weft/weft.hpp>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace http = weft::http;
namespace io = weft::io;
namespace net = weft::net;

http::router routes(const std::string& root) {
  http::router r;
  r.get("/{path...}", http::static_files{root, {.listing = true, .cache_control = "max-age=60"}});
  return r;
}

weft::result<void> ask(const std::string& at, std::string_view path, std::string_view field = "") {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  const std::string request =
      "GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n" + std::string{field} + "\r\n\r\n";
  WEFT_TRY(s.write_all(request, 5s));
  net::line_reader lines{s};
  const auto line = WEFT_TRY(lines.read_line(5s));
  if (line) std::printf("%.*s\n", static_cast<int>(line->size()), line->data());
  return {};
}

weft::result<void> try_it() {
  const std::string root = WEFT_TRY(io::create_temporary_directory());
  auto page = WEFT_TRY(io::file::open(root + "/page.html", O_WRONLY | O_CREAT));
  WEFT_TRY(page.write_all("<p>hello"sv));
  std::printf("page.html is %s\n", std::string{http::mime_type("page.html")}.c_str());

  http::server server{routes(root), {.drain = 1s}};
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  const std::string here = server.addresses().front();
  WEFT_TRY(ask(here, "/page.html", "Connection: close"));
  WEFT_TRY(ask(here, "/page.html", "If-None-Match: *"));
  WEFT_TRY(ask(here, "/page.html", "Range: bytes=3-7"));
  WEFT_TRY(ask(here, "/../etc/passwd", "Connection: close"));
  server.request_stop();
  WEFT_TRY(serving.join());
  WEFT_TRY(io::remove_all(root));
  return {};
}

weft::result<void> serve(const std::string& root, std::string_view at) {
  http::server server{routes(root)};
  WEFT_TRY(server.listen(at));
  auto serving = weft::spawn([&] { return server.serve(); });
  WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  if (argc == 3)
    return weft::exit_status(weft::run([&] { return serve(argv[1], argv[2]); }), "static_files");
  return weft::exit_status(weft::run(try_it), "static_files");
}
