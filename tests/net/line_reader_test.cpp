#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include <weft/net/line_reader.hpp>

using namespace weft;
using namespace std::literals;

namespace {

// Gives what it was told to, one piece per read; an empty piece stands for an error.
struct scripted_source {
  std::deque<std::string> pieces;
  std::error_code error = make_error_code(errc::deadline_exceeded);

  result<std::size_t> read(std::span<std::byte> into, deadline) {
    if (pieces.empty()) return std::size_t{0};
    std::string& piece = pieces.front();
    if (piece.empty()) {
      pieces.pop_front();
      return std::unexpected(error);
    }
    const std::size_t count = std::min(into.size(), piece.size());
    std::memcpy(into.data(), piece.data(), count);
    piece.erase(0, count);
    if (piece.empty()) pieces.pop_front();
    return count;
  }
};

std::vector<std::string> lines_of(scripted_source source, std::size_t line_max = 8192,
                                  std::error_code* error = nullptr) {
  net::line_reader reader{source, line_max};
  std::vector<std::string> lines;
  for (;;) {
    const auto line = reader.read_line();
    if (!line) {
      if (error != nullptr) *error = line.error();
      return lines;
    }
    if (!*line) return lines;
    lines.emplace_back(**line);
  }
}

using texts = std::vector<std::string>;

}  // namespace

TEST(LineReader, takes_lf_and_crlf) {
  EXPECT_EQ(lines_of({{"one\ntwo\r\n\n\r\nfive\n"}}), (texts{"one", "two", "", "", "five"}));
}

TEST(LineReader, a_cr_elsewhere_is_a_byte) {
  EXPECT_EQ(lines_of({{"a\rb\r\r\nc\n"}}), (texts{"a\rb\r", "c"}));
}

TEST(LineReader, gives_the_same_lines_however_the_stream_is_cut) {
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n\nlast\n";
  const texts whole = lines_of({{text}});
  ASSERT_EQ(whole.size(), 5u);
  for (std::size_t a = 1; a < text.size(); ++a)
    for (std::size_t b = a + 1; b < text.size(); ++b)
      ASSERT_EQ(lines_of({{text.substr(0, a), text.substr(a, b - a), text.substr(b)}}, 20), whole)
          << a << ", " << b;
}

TEST(LineReader, end_inside_a_line_is_an_error) {
  std::error_code error;
  EXPECT_EQ(lines_of({{"one\ntw"}}, 10, &error), texts{"one"});
  EXPECT_EQ(error, errc::end_of_stream);
}

TEST(LineReader, end_after_a_line_is_none) {
  std::error_code error;
  EXPECT_EQ(lines_of({{"one\n"}}, 10, &error), texts{"one"});
  EXPECT_FALSE(error);
}

TEST(LineReader, limit_counts_the_line_without_its_end) {
  for (const std::string end : {"\n", "\r\n"}) {
    std::error_code error;
    EXPECT_EQ(lines_of({{"12345" + end + "12345" + end}}, 5, &error), (texts{"12345", "12345"}));
    EXPECT_FALSE(error);
    EXPECT_EQ(lines_of({{"123456" + end}}, 5, &error), texts{});
    EXPECT_EQ(error, errc::limit);
  }
  std::error_code error;
  EXPECT_EQ(lines_of({{std::string(100, 'x')}}, 5, &error), texts{});
  EXPECT_EQ(error, errc::limit);
}

TEST(LineReader, goes_on_after_an_error_of_the_source) {
  scripted_source source{{"ha", "", "lf\nnext\n"}};
  net::line_reader reader{source};
  EXPECT_EQ(reader.read_line().error(), errc::deadline_exceeded);
  EXPECT_EQ(**reader.read_line(), "half");
  EXPECT_EQ(**reader.read_line(), "next");
}

TEST(LineReader, read_gives_what_was_buffered_first) {
  scripted_source source{{"head\nbo", "dy"}};
  net::line_reader reader{source};
  EXPECT_EQ(**reader.read_line(), "head");
  EXPECT_EQ(reader.buffered(), 2u);
  std::byte into[10];
  EXPECT_EQ(*reader.read(std::span{into}.first(1)), 1u);
  EXPECT_EQ(*reader.read(into), 1u);
  EXPECT_EQ(*reader.read(into), 2u);
  EXPECT_EQ(*reader.read(into), 0u);
}
