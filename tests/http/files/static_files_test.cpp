// Requests for files and their answers; in the manner of Go's net/http fs_test.go. Each runs in a fiber, over
// a transport that is a script.
#include <weft/http/files/static_files.hpp>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <weft/http/message/entity_tag.hpp>
#include <weft/runtime/runtime.hpp>

#include "folder_fixture.hpp"
#include "scripted_transport.hpp"

namespace weft::testing {
namespace {

using namespace std::chrono_literals;
using http::static_files_options;

class StaticFiles : public weft_test::leak_check {
 protected:
  struct answer {
    std::string status, head, body;
    unsigned files = 0;  // parts of files that were sent as such

    std::string field(std::string_view name) const {
      const std::string line = "\r\n" + std::string{name} + ": ";
      const std::size_t at = head.find(line);
      if (at == head.npos) return "";
      return head.substr(at + line.size(), head.find("\r\n", at + 2) - at - line.size());
    }
  };

  void serve(static_files_options options = {}) {
    files.reset();
    http::router r;
    r.any("/{path...}", http::static_files{in.path(), std::move(options)});
    files = std::make_unique<http::detail::service>(std::move(r));
    failures.clear();
    files->report = [](void* to, std::string_view text) {
      static_cast<std::vector<std::string>*>(to)->emplace_back(text);
    };
    files->report_context = &failures;
  }

  std::string talk(const std::string& bytes, unsigned& sent_files) {
    scripted_transport peer{{bytes}};
    rt.block_on([&] {
      const auto e = std::make_unique<http::detail::exchange>(*files, date, counts);
      peer.drive(*e);
    });
    sent_files = peer.files;
    return peer.received;
  }

  answer ask(std::string_view method, std::string_view target, std::string_view lines = "") {
    answer a;
    const std::string all = talk(std::string{method} + " " + std::string{target} +
                                     " HTTP/1.1\r\nHost: a\r\n" + std::string{lines} + "\r\n",
                                 a.files);
    const std::size_t end = all.find("\r\n\r\n");
    if (end == all.npos) return a;
    a.status = all.substr(9, 3);
    a.head = all.substr(0, end + 2);
    a.body = all.substr(end + 4);
    return a;
  }
  answer get(std::string_view target, std::string_view lines = "") { return ask("GET", target, lines); }

  folder in;
  runtime rt{weft::options{.workers = 1}};
  http::detail::date_cache date;
  http::detail::server_counters counts;
  std::vector<std::string> failures;
  std::unique_ptr<http::detail::service> files;
};

constexpr std::string_view then = "Sun, 06 Nov 1994 08:49:37 GMT";
std::string tag_of(std::size_t size, std::string_view coding = "") {
  return http::detail::file_tag({folder::long_ago, 5}, size, coding, false);
}

// Both from memory and from the file.
std::vector<static_files_options> from_both() {
  std::vector<static_files_options> both(2);
  both[1].small_file_max = 0;
  return both;
}

TEST_F(StaticFiles, says_what_there_is_to_say_of_a_file) {
  in.write("a.txt", "hello");
  for (auto& options : from_both()) {
    options.cache_control = "max-age=60";
    const bool in_memory = options.small_file_max != 0;
    serve(std::move(options));
    for (int i = 0; i < 2; ++i) {
      const answer a = get("/a.txt");
      EXPECT_EQ(a.head.substr(0, 17), "HTTP/1.1 200 OK\r\n");
      EXPECT_EQ(a.body, "hello");
      EXPECT_EQ(a.files, in_memory ? 0u : 1u);
      EXPECT_EQ(a.field("Content-Type"), "text/plain; charset=utf-8");
      EXPECT_EQ(a.field("Content-Length"), "5");
      EXPECT_EQ(a.field("Last-Modified"), then);
      EXPECT_EQ(a.field("ETag"), tag_of(5));
      EXPECT_EQ(a.field("Accept-Ranges"), "bytes");
      EXPECT_EQ(a.field("Cache-Control"), "max-age=60");
      EXPECT_EQ(a.field("Vary"), "");
    }
    const answer head = ask("HEAD", "/a.txt");
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.status, "200");
    EXPECT_EQ(head.field("Content-Length"), "5");
    EXPECT_EQ(head.field("ETag"), tag_of(5));
  }
  EXPECT_TRUE(failures.empty());
}

// long: it is a table.
TEST_F(StaticFiles, finds_what_the_path_names_and_nothing_else) {
  in.write("a.txt", "a");
  in.write("with space.txt", "space");
  in.write("dir/index.html", "index of dir");
  in.write("dir/b.txt", "b");
  in.write("bare/c.txt", "c");
  in.write(".secret", "secret");
  in.write("dir/.git/config", "secret");
  in.write(".well-known/x", "known");
  in.write("dir/.well-known/x", "secret");
  in.write("..a", "secret");
  in.write("empty.css", "");
  in.write("100%.txt", "all");
  in.write("dir%2Fb.txt", "no slash");
  namespace fs = std::filesystem;
  fs::create_symlink("a.txt", in.path("inside"));
  fs::create_symlink("dir", in.path("to-dir"));
  fs::create_symlink("../a.txt", in.path("dir/up"));
  fs::create_symlink("/etc/hostname", in.path("outside"));
  fs::create_symlink("/", in.path("top"));
  fs::create_symlink("../../../../../../etc", in.path("dir/far"));
  fs::create_symlink("loop", in.path("loop"));
  fs::create_symlink("/proc/self/root", in.path("magic"));
  ASSERT_EQ(::mkfifo(in.path("pipe").c_str(), 0600), 0);
  const struct {
    const char *target, *status, *body;
  } table[] = {
      {"/a.txt", "200", "a"},
      {"/a.txt?query=..", "200", "a"},
      {"/%61.txt", "200", "a"},
      {"/with%20space.txt", "200", "space"},
      {"/dir/b.txt", "200", "b"},
      {"/dir/", "200", "index of dir"},
      {"/dir/?a", "200", "index of dir"},
      {"/empty.css", "200", ""},
      {"/inside", "200", "a"},
      {"/to-dir/b.txt", "200", "b"},
      {"/dir/up", "200", "a"},
      {"/.well-known/x", "200", "known"},
      {"/100%25.txt", "200", "all"},
      {"/dir%252Fb.txt", "200", "no slash"},  // decoded once, and not twice
      // there is none
      {"/b.txt", "404", nullptr},
      {"/", "404", nullptr},
      {"/bare/", "404", nullptr},
      {"/a.txt/", "404", nullptr},
      {"/a.txt/b", "404", nullptr},
      {"/pipe", "404", nullptr},
      {"/loop", "404", nullptr},
      // there is, but it is hidden
      {"/.secret", "404", nullptr},
      {"/dir/.git/config", "404", nullptr},
      {"/%2egit", "404", nullptr},
      {"/dir/.well-known/x", "404", nullptr},
      {"/..a", "404", nullptr},
      // nothing leads out
      {"/outside", "404", nullptr},
      {"/top/etc/hostname", "404", nullptr},
      {"/dir/far/hostname", "404", nullptr},
      {"/magic/etc/hostname", "404", nullptr},
      {"/../a.txt", "404", nullptr},
      {"/dir/../a.txt", "404", nullptr},
      {"/dir/%2e%2e/a.txt", "404", nullptr},
      {"/dir/..%2fa.txt", "404", nullptr},
      {"/%2e%2e/%2e%2e/etc/hostname", "404", nullptr},
      // one file has one path
      {"//a.txt", "404", nullptr},
      {"/dir//b.txt", "404", nullptr},
      {"/./a.txt", "404", nullptr},
      {"/dir%2Fb.txt", "404", nullptr},
      {"/dir/%2fb.txt", "404", nullptr},
      {"/dir%25252Fb.txt", "404", nullptr},
      {"/%252e%252e/a.txt", "404", nullptr},
      {"/100%.txt", "400", nullptr},
      {"/%2500", "404", nullptr},
      {"/a%00.txt", "400", nullptr},
  };
  for (auto& options : from_both()) {
    serve(std::move(options));
    for (int i = 0; i < 2; ++i) {
      for (const auto& row : table) {
        const answer a = get(row.target);
        EXPECT_EQ(a.status, row.status) << row.target;
        if (row.body != nullptr) {
          EXPECT_EQ(a.body, row.body) << row.target;
        }
      }
    }
  }
  EXPECT_EQ(get("/a" + std::string(1000, 'x')).status, "404");
  serve({.hidden = true});
  EXPECT_EQ(get("/.secret").body, "secret");
  EXPECT_EQ(get("/..a").body, "secret");
  EXPECT_EQ(get("/dir/../a.txt").status, "404");
  EXPECT_TRUE(failures.empty());
}

// Relative, so that nothing the client has put before the last name can make it another host's.
TEST_F(StaticFiles, sends_directories_to_their_slash) {
  in.write("dir/deep/index.html", "x");
  in.write("a b/index.html", "x");
  serve();
  EXPECT_EQ(get("/dir").status, "301");
  EXPECT_EQ(get("/dir").field("Location"), "./dir/");
  EXPECT_EQ(get("/dir/deep?x=/y").field("Location"), "./deep/?x=/y");
  EXPECT_EQ(get("/a%20b").field("Location"), "./a%20b/");
  EXPECT_EQ(get("http://a/dir").field("Location"), "./dir/");
}

TEST_F(StaticFiles, tries_index_files_in_order) {
  in.write("both/index.htm", "htm");
  in.write("both/index.html", "html");
  in.write("second/index.htm", "htm");
  std::filesystem::create_directories(in.path("odd/index.html"));
  in.write("odd/index.htm", "htm");
  serve({.index = {"index.html", "index.htm"}});
  EXPECT_EQ(get("/both/").body, "html");
  EXPECT_EQ(get("/second/").body, "htm");
  EXPECT_EQ(get("/odd/").body, "htm");
  serve({.index = {}});
  EXPECT_EQ(get("/both/").status, "404");
}

TEST_F(StaticFiles, answers_conditions) {
  in.write("a", "hello");
  const std::string tag = tag_of(5);
  const struct {
    std::string lines;
    const char* status;
  } table[] = {
      {"If-None-Match: " + tag + "\r\n", "304"},
      {"If-None-Match: W/" + tag + "\r\n", "304"},
      {"If-None-Match: \"x\"\r\n", "200"},
      {"If-Modified-Since: " + std::string{then} + "\r\n", "304"},
      {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", "200"},
      {"If-None-Match: \"x\"\r\nIf-Modified-Since: " + std::string{then} + "\r\n", "200"},
      {"If-Match: " + tag + "\r\n", "200"},
      {"If-Match: \"x\"\r\n", "412"},
      // several lines are one list
      {"If-None-Match: \"x\"\r\nIf-None-Match: " + tag + "\r\n", "304"},
      {"If-None-Match: \"x\"\r\nA: b\r\nif-none-match: \"y\", \"z\"\r\nIf-None-Match:" + tag + "\r\n", "304"},
      {"If-None-Match: \r\nIf-None-Match: " + tag + "\r\n", "304"},
      {"If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\n", "200"},
      {"If-Match: \"x\"\r\nIf-Match: " + tag + "\r\n", "200"},
      {"If-Match: \"x\"\r\nIf-Match: \"y\"\r\n", "412"},
      {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", "412"},
      {"If-Match: " + tag + "\r\nIf-None-Match: " + tag + "\r\nRange: bytes=0-1\r\n", "304"},
      {"Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n", "206"},
      {"Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", "200"},
      {"Range: bytes=0-1\r\nIf-Range: " + std::string{then} + "\r\n", "206"},
      {"Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "200"},
  };
  for (auto& options : from_both()) {
    options.cache_control = "no-cache";
    serve(std::move(options));
    for (const auto& row : table) EXPECT_EQ(get("/a", row.lines).status, row.status) << row.lines;
    const answer unchanged = get("/a", table[0].lines);
    EXPECT_EQ(unchanged.field("ETag"), tag);
    EXPECT_EQ(unchanged.field("Cache-Control"), "no-cache");
    EXPECT_EQ(unchanged.field("Content-Length"), "");
    EXPECT_EQ(unchanged.body, "");
    EXPECT_EQ(ask("HEAD", "/a", table[0].lines).status, "304");
  }
}

TEST_F(StaticFiles, sends_the_range_that_was_asked_for) {
  in.write("a.txt", "0123456789");
  const struct {
    const char *range, *status, *content_range, *body;
  } table[] = {
      {"bytes=0-4", "206", "bytes 0-4/10", "01234"},
      {"bytes=2-", "206", "bytes 2-9/10", "23456789"},
      {"bytes=-5", "206", "bytes 5-9/10", "56789"},
      {"bytes=9-20", "206", "bytes 9-9/10", "9"},
      {"bytes=10-", "416", "bytes */10", "Range Not Satisfiable\n"},
      {"bytes=5-4", "200", "", "0123456789"},
      {"lines=1-2", "200", "", "0123456789"},
      {"bytes=0-,0-", "200", "", "0123456789"},
  };
  for (auto& options : from_both()) {
    serve(std::move(options));
    for (const auto& row : table) {
      const std::string line = "Range: " + std::string{row.range} + "\r\n";
      const answer a = get("/a.txt", line);
      EXPECT_EQ(a.status, row.status) << row.range;
      EXPECT_EQ(a.field("Content-Range"), row.content_range) << row.range;
      EXPECT_EQ(a.body, row.body) << row.range;
      EXPECT_EQ(a.field("Content-Length"), std::to_string(a.body.size())) << row.range;
      // Ranges are for GET.
      const answer head = ask("HEAD", "/a.txt", line);
      EXPECT_EQ(head.status, "200") << row.range;
      EXPECT_EQ(head.field("Content-Length"), "10") << row.range;
    }
    const answer part = get("/a.txt", "Range: bytes=0-4\r\n");
    EXPECT_EQ(part.field("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(part.field("ETag"), tag_of(10));
    EXPECT_EQ(part.field("Last-Modified"), then);
  }
  EXPECT_TRUE(failures.empty());
}

TEST_F(StaticFiles, sends_several_ranges_in_parts) {
  in.write("a.txt", "0123456789");
  for (auto& options : from_both()) {
    const bool in_memory = options.small_file_max != 0;
    serve(std::move(options));
    const answer a = get("/a.txt", "Range: bytes=0-1,5-6,-1\r\n");
    EXPECT_EQ(a.status, "206");
    EXPECT_EQ(a.field("Content-Range"), "");
    EXPECT_EQ(a.files, in_memory ? 0u : 3u);
    const std::string type = a.field("Content-Type");
    const std::string lead = "multipart/byteranges; boundary=";
    ASSERT_TRUE(type.starts_with(lead)) << type;
    const std::string boundary = type.substr(lead.size());
    EXPECT_EQ(boundary.size(), 32u);
    const std::string part =
        "--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: ";
    std::string whole;
    whole.append(part).append("bytes 0-1/10\r\n\r\n01\r\n").append(part);
    whole.append("bytes 5-6/10\r\n\r\n56\r\n").append(part);
    whole.append("bytes 9-9/10\r\n\r\n9\r\n--").append(boundary).append("--\r\n");
    EXPECT_EQ(a.body, whole);
    EXPECT_EQ(a.field("Content-Length"), std::to_string(a.body.size()));
    EXPECT_NE(get("/a.txt", "Range: bytes=0-1,5-6,-1\r\n").field("Content-Type"), type);
  }
}

TEST_F(StaticFiles, sends_the_sibling_that_is_wanted_most) {
  in.write("a.js", "plain text");
  in.write("a.js.gz", "gzipped");
  in.write("a.js.br", "brotli");
  in.write("a.js.zst", "zstandard", folder::long_ago - 1);  // older than the file: of another version
  in.write("b.js", "plain");
  const struct {
    const char *accepted, *body, *coding;
  } table[] = {
      {"", "plain text", ""},         {"gzip", "gzipped", "gzip"},
      {"gzip, br", "brotli", "br"},   {"gzip, br;q=0.5", "gzipped", "gzip"},
      {"zstd", "plain text", ""},     {"zstd, gzip;q=0.1", "gzipped", "gzip"},
      {"br;q=0", "plain text", ""},   {"*", "brotli", "br"},
      {"identity", "plain text", ""}, {"gzip;q=0.5\r\nAccept-Encoding: br", "brotli", "br"},
  };
  for (auto& options : from_both()) {
    options.precompressed = true;
    serve(std::move(options));
    for (int i = 0; i < 2; ++i) {
      for (const auto& row : table) {
        const answer a = get("/a.js", "Accept-Encoding: " + std::string{row.accepted} + "\r\n");
        EXPECT_EQ(a.body, row.body) << row.accepted;
        EXPECT_EQ(a.field("Content-Encoding"), row.coding) << row.accepted;
        EXPECT_EQ(a.field("Content-Type"), "text/javascript; charset=utf-8");
        EXPECT_EQ(a.field("ETag"), tag_of(std::string_view{row.body}.size(), row.coding));
        EXPECT_EQ(a.field("Vary"), "Accept-Encoding");
      }
    }
    EXPECT_EQ(get("/b.js", "Accept-Encoding: br\r\n").body, "plain");
    EXPECT_EQ(get("/b.js", "Accept-Encoding: br\r\n").field("Vary"), "Accept-Encoding");
    const std::string br = "Accept-Encoding: br\r\nIf-None-Match: ";
    EXPECT_EQ(get("/a.js", br + tag_of(6, "br") + "\r\n").status, "304");
    EXPECT_EQ(get("/a.js", br + tag_of(6, "br") + "\r\n").field("Vary"), "Accept-Encoding");
    EXPECT_EQ(get("/a.js", br + tag_of(10) + "\r\n").status, "200");
    EXPECT_EQ(get("/a.js", "Accept-Encoding: br\r\nRange: bytes=0-1\r\n").body, "br");
  }
  serve();
  EXPECT_EQ(get("/a.js", "Accept-Encoding: br\r\n").body, "plain text");
}

TEST_F(StaticFiles, lists_directories_where_that_is_wanted) {
  in.write("b<i>.txt", "");
  in.write("a \"&'.txt", "");
  in.write("javascript:x", "");
  in.write("sub/.hidden", "");
  in.write("sub/\xc3\xa4", "");
  in.write(".hidden", "");
  serve({.listing = true});
  const answer a = get("/");
  EXPECT_EQ(a.status, "200");
  EXPECT_EQ(a.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(a.body,
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>/</title>\n<h1>/</h1>\n<ul>\n"
            "<li><a href=\"./a%20%22%26%27.txt\">a &quot;&amp;&#39;.txt</a>\n"
            "<li><a href=\"./b%3Ci%3E.txt\">b&lt;i&gt;.txt</a>\n"
            "<li><a href=\"./javascript%3Ax\">javascript:x</a>\n"
            "<li><a href=\"./sub/\">sub/</a>\n</ul>\n");
  EXPECT_NE(
      get("/sub/").body.find("<li><a href=\"../\">../</a>\n<li><a href=\"./%C3%A4\">\xc3\xa4</a>\n</ul>"),
      std::string::npos);
  EXPECT_EQ(ask("HEAD", "/").field("Content-Length"), std::to_string(a.body.size()));
  EXPECT_EQ(get("/none/").status, "404");
  EXPECT_EQ(get("/javascript:x/").status, "404");
  serve({.listing = true, .hidden = true});
  EXPECT_NE(get("/").body.find("./.hidden"), std::string::npos);
}

// Who has a million files there does not get a page of 200 MB, nor does the server make one.
TEST_F(StaticFiles, lists_no_more_names_than_anybody_reads) {
  std::filesystem::create_directory(in.path("many"));
  for (int i = 0; i < 10'000; ++i) std::ofstream{in.path("many/" + std::to_string(i))};
  serve({.listing = true});
  const auto names = [&] {
    const std::string page = get("/many/").body;
    std::size_t count = 0;
    for (std::size_t at = 0; (at = page.find("<li>", at)) != page.npos; ++at) ++count;
    return std::to_string(count - 1) +
           (page.ends_with("<p>There are more, which are not shown.\n") ? "+" : "");
  };
  EXPECT_EQ(names(), "10000");
  std::ofstream{in.path("many/more")};
  EXPECT_EQ(names(), "10000+");
}

TEST_F(StaticFiles, looks_again_when_it_has_not_for_a_while) {
  in.write("a", "old");
  serve({.trusted = 1h});
  EXPECT_EQ(get("/a").body, "old");
  in.write("a", "newer", folder::long_ago + 1);
  EXPECT_EQ(get("/a").body, "old");
  serve({.trusted = 0ns});
  EXPECT_EQ(get("/a").body, "newer");
  EXPECT_EQ(get("/a").body, "newer");
  in.write("a", "old", folder::long_ago);
  EXPECT_EQ(get("/a").body, "old");
  in.write("a", "OLD", folder::long_ago);  // another file, though as old and as long
  EXPECT_EQ(get("/a").body, "OLD");
  std::filesystem::remove(in.path("a"));
  EXPECT_EQ(get("/a").status, "404");
  in.write("a/b", "below");
  EXPECT_EQ(get("/a").status, "301");
}

// Two versions of one tick of the clock look the same, so nobody may rely on such a file.
TEST_F(StaticFiles, does_not_keep_what_changes_now) {
  const std::int64_t now = std::time(nullptr);
  in.write("a", "old", now);
  serve({.trusted = 1h});
  EXPECT_EQ(get("/a").body, "old");
  EXPECT_TRUE(get("/a").field("ETag").starts_with("W/"));
  EXPECT_EQ(get("/a", "If-Match: " + get("/a").field("ETag") + "\r\n").status, "412");
  in.write("a", "new", now);
  EXPECT_EQ(get("/a").body, "new");
}

TEST_F(StaticFiles, without_memory_reads_what_there_is) {
  in.write("a", "old");
  serve({.memory = 0, .trusted = 1h});
  EXPECT_EQ(get("/a").body, "old");
  in.write("a", "new");
  EXPECT_EQ(get("/a").body, "new");
}

TEST_F(StaticFiles, follows_a_root_that_is_replaced) {
  in.write("v1/a", "1");
  in.write("v2/a", "2");
  std::filesystem::create_symlink("v1", in.path("current"));
  http::router r;
  r.get("/{path...}", http::static_files{in.path("current"), {.trusted = 0ns}});
  files = std::make_unique<http::detail::service>(std::move(r));
  EXPECT_EQ(get("/a").body, "1");
  std::filesystem::create_symlink("v2", in.path("next"));
  std::filesystem::rename(in.path("next"), in.path("current"));
  EXPECT_EQ(get("/a").body, "2");
  std::filesystem::remove(in.path("current"));
  EXPECT_EQ(get("/a").status, "500");
}

TEST_F(StaticFiles, refuses_to_be_written_to) {
  in.write("a", "x");
  serve();
  const answer a = ask("DELETE", "/a");
  EXPECT_EQ(a.status, "405");
  EXPECT_EQ(a.field("Allow"), "GET, HEAD");
  EXPECT_TRUE(std::filesystem::exists(in.path("a")));
}

TEST_F(StaticFiles, keeps_the_connection_of_an_old_client) {
  in.write("a", "0123456789");
  serve({.small_file_max = 0});
  unsigned sent = 0;
  const std::string one = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const std::string both = talk(one + one, sent);
  EXPECT_EQ(sent, 2u);
  EXPECT_EQ(both.find("Transfer-Encoding"), both.npos);
  EXPECT_TRUE(both.ends_with("\r\n\r\n0123456789"));
}

}  // namespace
}  // namespace weft::testing
