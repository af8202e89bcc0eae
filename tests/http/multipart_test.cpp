#include <weft/http/multipart.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "exchange_world.hpp"
#include "multipart_events.hpp"

using namespace weft::http;

namespace {

using detail::multipart_parser;
using weft::result;

// The events, which are the same however the bytes are split.
std::string events(std::string_view bytes, detail::multipart_part_limits limits = {}) {
  static std::mt19937 random{46};
  const std::string whole = multipart_events(bytes, "xyz", [&] { return bytes.size(); }, limits);
  EXPECT_EQ(multipart_events(bytes, "xyz", [] { return std::size_t{1}; }, limits), whole) << readable(bytes);
  for (int round = 0; round < 8; ++round)
    EXPECT_EQ(multipart_events(
                  bytes, "xyz", [] { return std::size_t{1} + random() % 20; }, limits),
              whole)
        << readable(bytes);
  return whole;
}

}  // namespace

TEST(MultipartParser, takes_parts_apart) {
  EXPECT_EQ(events("--xyz\r\nA: b\r\n\r\ndata\r\n--xyz\r\nC: d\r\nE: f\r\n\r\n\r\n--xyz--\r\n"),
            "[A: b\r\n|data][C: d\r\nE: f\r\n|]done");
  EXPECT_EQ(events("\r\n--xyz \t\r\nA: b\r\n\r\ndata\r\n--xyz--and what follows"), "[A: b\r\n|data]done");
  EXPECT_EQ(events("--xyz--"), "done");
}

TEST(MultipartParser, gives_data_that_is_nearly_a_delimiter) {
  for (const char* data : {"\r", "\r\n", "\r\n-", "\r\n--xy", "\r\n--xyX", "\r\r\n--xy\r\n\r\n", "\n--xyz",
                           "--xyz", "a--xyz--", "\r\n--\r\n--", "\r\n --xyz"}) {
    const std::string bytes = "--xyz\r\nA: b\r\n\r\nx" + std::string{data} + "\r\n--xyz--";
    EXPECT_EQ(events(bytes), "[A: b\r\n|x" + std::string{data} + "]done") << readable(data);
  }
  const std::string all_bytes = [] {
    std::string text;
    for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
    return text;
  }();
  EXPECT_EQ(events("--xyz\r\nA: b\r\n\r\n" + all_bytes + "\r\n--xyz--"), "[A: b\r\n|" + all_bytes + "]done");
}

TEST(MultipartParser, waits_for_more) {
  const std::string bytes = "--xyz\r\nA: b\r\n\r\ndata\r\n--xyz--";
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_TRUE(events(std::string_view{bytes}.substr(0, length)).ends_with("more")) << length;
}

TEST(MultipartParser, refuses_what_does_not_fit) {
  for (const char* bad : {"A: b\r\n", "preamble\r\n--xyz\r\n", "--xyA", "\r\n\r\n--xyz", "\n--xyz", "--xyz\n",
                          "--xyzA\r\n", "--xyz-\r\n", "--xyz --", "--xyz\r\r\n", "--xyz\rA"})
    EXPECT_EQ(events(bad), "400") << readable(bad);
  EXPECT_EQ(events("--xyz\r\nA: b\r\n\r\ndata\r\n--xyzA\r\n"), "[A: b\r\n|data]400");
  EXPECT_EQ(events("--xyz\r\nA: b\r\n\r\n--xyz\r\n"), "[A: b\r\n|400");  // whose line end is it?
}

TEST(MultipartParser, limits_parts_and_heads) {
  const std::string part = "--xyz\r\nA: b\r\n\r\nd\r\n";
  EXPECT_EQ(events(part + part + "--xyz--", {.parts = 2}), "[A: b\r\n|d][A: b\r\n|d]done");
  EXPECT_EQ(events(part + part + part + "--xyz--", {.parts = 2}), "[A: b\r\n|d][A: b\r\n|d]413");
  EXPECT_EQ(events("--xyz\r\nA: " + std::string(100, 'b') + "\r\n\r\nd\r\n--xyz--", {.head = 100}), "413");
  EXPECT_EQ(events("--xyz\r\nA: " + std::string(1000, 'b'), {.head = 100}), "413");
  EXPECT_EQ(events("--xyz" + std::string(101, ' '), {.head = 100}), "413");
  const std::string just = "A: " + std::string(93, 'b') + "\r\n";
  EXPECT_EQ(events("--xyz\r\n" + just + "\r\nd\r\n--xyz--", {.head = 100}), '[' + just + "|d]done");
}

TEST(MultipartParser, knows_a_boundary) {
  for (const char* good : {"a", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a b", "'()+_,-./:=?"})
    EXPECT_TRUE(multipart_parser::is_boundary(good)) << good;
  EXPECT_TRUE(multipart_parser::is_boundary(std::string(70, 'a')));
  EXPECT_FALSE(multipart_parser::is_boundary(std::string(71, 'a')));
  for (const char* bad : {"", "a ", "a\"", "a\r\nb", "a;b", "\xc3\xa9", "a\tb"})
    EXPECT_FALSE(multipart_parser::is_boundary(bad)) << bad;
}

namespace {

const multipart_limits small{.parts = 3, .head = 200, .name = 10, .part = 1000};

// What a handler sees of a body: each part as name(file,type)=text;
std::string told(std::vector<std::string> pieces, int* code = nullptr) {
  static exchange_world world{[] {
    router r;
    r.post("/",
           [](request& q, response& s) -> result<void> {
             std::string all;
             auto parts = WEFT_TRY(multipart::open(q, small));
             while (WEFT_TRY(parts.next())) {
               all.append(parts.name()).append("(").append(parts.file_name().value_or("-")).append(",");
               all.append(parts.content_type()).append(")=");
               if (parts.name() == "skipped") continue;
               if (parts.name() == "read") {
                 std::byte bytes[3];
                 while (const std::size_t n = WEFT_TRY(parts.read(bytes)))
                   all.append(reinterpret_cast<const char*>(bytes), n);
               } else {
                 all += WEFT_TRY(parts.text(500));
               }
               all += ';';
             }
             EXPECT_FALSE(parts.next().value_or(true));  // nor does it come again
             s.text(all);
             return {};
           },
           {.body_max = 100'000});
    return r;
  }()};
  const std::string text = world.ask(std::move(pieces));
  if (code != nullptr) *code = std::stoi(text.substr(9));
  return text.substr(text.find("\r\n\r\n") + 4);
}
std::string upload(std::string_view parts, std::string_view type = "multipart/form-data; boundary=xyz") {
  return post("/", parts, "Content-Type: " + std::string{type} + "\r\n");
}
std::string part(std::string_view disposition, std::string_view data, std::string_view more = "") {
  return "--xyz\r\nContent-Disposition: form-data; " + std::string{disposition} + "\r\n" + std::string{more} +
         "\r\n" + std::string{data} + "\r\n";
}
int code_of(const std::string& bytes) {
  int code = 0;
  told({bytes}, &code);
  return code;
}

}  // namespace

TEST(Multipart, gives_fields_and_files) {
  const std::string bytes =
      upload(part("name=\"a\"", "1") +
             part("name=read; filename=\"x \\\"y\\\".txt\"", "abcdefg", "Content-Type: a/b\r\n") +
             part("filename=\"\"; name=\"c\"", "") + "--xyz--\r\n");
  const std::string expected = "a(-,text/plain)=1;read(x \"y\".txt,a/b)=abcdefg;c(,text/plain)=;";
  EXPECT_EQ(told({bytes}), expected);
  std::mt19937 random{7};
  for (int round = 0; round < 20; ++round) EXPECT_EQ(told(random_pieces(bytes, random, 40)), expected);
  EXPECT_EQ(told({upload(part("name=skipped", std::string(900, 's')) + part("name=b", "2") + "--xyz--")}),
            "skipped(-,text/plain)=b(-,text/plain)=2;");
  EXPECT_EQ(told({upload("--xyz--", "Multipart/Form-Data; charset=x; boundary=\"xyz\"")}), "");
}

TEST(Multipart, says_how_a_body_is_wrong) {
  const std::string good = part("name=a", "1");
  EXPECT_EQ(code_of(upload(good + "--xyz--", "text/plain")), 415);
  EXPECT_EQ(code_of(upload(good + "--xyz--", "multipart/form-data")), 400);
  EXPECT_EQ(code_of(upload(good + "--xyz--", "multipart/form-data; boundary=\"a\x7f\"")), 400);
  EXPECT_EQ(code_of(upload(good + "--xyz--", "multipart/form-data; boundary=xyz; boundary=xyz")), 400);
  EXPECT_EQ(code_of(upload(good)), 400);  // no last delimiter
  EXPECT_EQ(code_of(upload("")), 400);
  EXPECT_EQ(code_of(upload("--xyz\r\n\r\ndata\r\n\r\n--xyz--")), 400);
  EXPECT_EQ(code_of(upload("--xyz\r\nContent-Type: a/b\r\n\r\ndata\r\n--xyz--")), 400);  // no name
  for (const char* bad :
       {"name=\"\"", "filename=a", "name=a; name=b", "name=a; filename=b; filename=c", "name=\"a"})
    EXPECT_EQ(code_of(upload(part(bad, "1") + "--xyz--")), 400) << bad;
  for (const char* bad : {"X\r\n", "X : y\r\n", ": y\r\n", "X: \x01\r\n", " folded\r\n",
                          "Content-Disposition: form-data; name=b\r\n"})
    EXPECT_EQ(code_of(upload(part("name=a", "1", bad) + "--xyz--")), 400) << bad;
  EXPECT_EQ(code_of(upload("--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--xyz--")), 400);
  EXPECT_EQ(code_of(upload(part("name=a", "1", "Content-Transfer-Encoding: base64\r\n") + "--xyz--")), 415);
  EXPECT_EQ(code_of(upload(part("name=a", "1", "Content-Transfer-Encoding: BINARY\r\n") + "--xyz--")), 200);
}

TEST(Multipart, limits_names_parts_and_sizes) {
  const std::string good = part("name=a", "1");
  EXPECT_EQ(code_of(upload(good + good + good + "--xyz--")), 200);
  EXPECT_EQ(code_of(upload(good + good + good + good + "--xyz--")), 413);
  EXPECT_EQ(code_of(upload(part("name=aaaaaaaaaa", "1") + "--xyz--")), 200);
  EXPECT_EQ(code_of(upload(part("name=aaaaaaaaaaa", "1") + "--xyz--")), 413);
  EXPECT_EQ(code_of(upload(part("name=a; filename=aaaaaaaaaaa", "1") + "--xyz--")), 413);
  EXPECT_EQ(code_of(upload(part("name=a", "1", "X: " + std::string(200, 'x') + "\r\n") + "--xyz--")), 413);
  EXPECT_EQ(code_of(upload(part("name=a", std::string(500, 'x')) + "--xyz--")), 200);
  EXPECT_EQ(code_of(upload(part("name=a", std::string(501, 'x')) + "--xyz--")), 413);  // text(500)
  EXPECT_EQ(code_of(upload(part("name=read", std::string(1000, 'x')) + "--xyz--")), 200);
  EXPECT_EQ(code_of(upload(part("name=read", std::string(1001, 'x')) + "--xyz--")), 413);
  EXPECT_EQ(code_of(upload(part("name=skipped", std::string(1001, 'x')) + "--xyz--")), 413);
  EXPECT_EQ(code_of(upload(good + std::string(110'000, 'x'))), 413);  // of the route
}
