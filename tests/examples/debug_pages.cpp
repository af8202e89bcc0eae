// A service whose fibers can be looked at, by a socket of its own that only its user may open.
//
//   debug_pages PATH     serves until Ctrl-C; then: curl --unix-socket PATH http://localhost/debug/fibers
//   debug_pages          asks itself, and ends
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
namespace http = weft::http;

weft::result<void> app(std::string path) {
  const bool alone = path.empty();
  http::router routes;
  http::debug_pages(routes);
  http::server inside{std::move(routes)};
  WEFT_TRY(inside.listen("unix:" + (alone ? "@weft-example-" + std::to_string(::getpid()) : path)));
  auto serving = weft::spawn([&] { return inside.serve(); });

  weft::event order;
  auto waiter = weft::spawn([&] { return order.wait(); }, {.name = "waiter"});
  if (alone) {
    http::client client{{.endpoint = inside.addresses().front()}};
    auto reply = WEFT_TRY(client.get("http://localhost/debug/fibers", 10s));
    const std::string text = WEFT_TRY(reply.body());
    const bool told = text.find("\"waiter\"") != text.npos && text.find("an event") != text.npos;
    std::printf("the waiter %s\n", told ? "waits for an event" : "is not to be seen");
  } else {
    WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  }
  order.set();
  WEFT_TRY(waiter.join());
  inside.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "";
  return weft::exit_status(weft::run([=] { return app(path); }), "debug_pages");
}
