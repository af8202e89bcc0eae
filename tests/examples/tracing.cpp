// Traces: who called whom and how long it took, across fibers, a channel and HTTP.
//
//   tracing trace.json    writes what was recorded; open it at https://ui.perfetto.dev
//   tracing               tells what was recorded
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
namespace http = weft::http;
namespace trace = weft::trace;

struct job {
  int number;
  trace::context from;  // who sent it: a channel adds nothing by itself
};

http::router routes() {
  http::router r;
  r.use(http::tracing{{.name = [](const http::request& q) { return "GET " + std::string{q.path()}; }}});
  r.get("/price", [](http::request&, http::response& s) {
    trace::span look{"look it up"};
    look.set("table", "prices");
    look.event("found");
    s.text("12");
  });
  return r;
}

void order(http::client& client, const std::string& at, weft::channel<job>& jobs) {
  trace::span s{"order"};
  auto price = weft::spawn([&]() -> weft::result<std::string> {
    return WEFT_TRY(client.get("http://" + at + "/price", 5s)).body();
  });
  if (const auto got = price.join()) s.set("price", *got);
  else s.fail(got.error().message());
  (void)jobs.send({.number = 7, .from = trace::current()});
}

weft::result<void> app() {
  http::server server{routes(), {.drain = 1s}};
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  weft::channel<job> jobs{4};
  auto packer = weft::spawn([&] {
    for (const job& j : jobs) {
      trace::span s{"pack", j.from, trace::span_kind::consumer};
      s.set("number", j.number);
    }
  });
  http::client client;
  order(client, server.addresses().front(), jobs);
  jobs.close();
  packer.join();
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const auto caller = trace::parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  if (!trace::start({.sampled = 1})) return 1;
  {
    const trace::span whole{"tracing", *caller};
    if (const auto ran = weft::run(app); !ran) return weft::exit_status(ran, "tracing");
  }
  trace::stop();
  const trace::recording all = trace::snapshot();
  const std::string picture = trace::to_chrome(all), spans = trace::to_otlp(all, "shop");
  if (argc > 1) {
    std::FILE* const file = std::fopen(argv[1], "w");
    if (file == nullptr) return 1;
    std::fwrite(picture.data(), 1, picture.size(), file);
    return std::fclose(file);
  }
  std::printf("something was recorded: %s\n", all.size() > 10 ? "yes" : "no");
  for (const char* name : {"tracing", "order", "GET", "GET /price", "look it up", "pack"})
    std::printf("%s: %s\n", name,
                spans.find("\"name\":\"" + std::string{name} + "\"") == spans.npos ? "missing" : "a span");
}
