// io::pipe on both backends: what f makes of the source arrives at the target, and nothing else.
#include "file_fixture.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <weft/io/io.hpp>
#include <weft/io/pipe.hpp>
#include <weft/io/process.hpp>
#include <weft/runtime/spawn.hpp>

namespace weft::detail {
namespace {

class Pipe : public OnFiles {};
INSTANTIATE_TEST_SUITE_P(backends, Pipe, testing::Values(backend::uring, backend::epoll), backend_name);

using io::file;
using io::transfer_way;

// What is not bytes, or would be gone before it is written, is no transform.
static_assert(io::transform<decltype([](std::span<std::byte> c) { return c; })>);
static_assert(io::transform<decltype([](std::span<std::byte>) { return byte_view{}; })>);
static_assert(io::transform<decltype([](std::span<std::byte>) -> result<byte_view> { return byte_view{}; })>);
static_assert(!io::transform<decltype([](std::span<std::byte>) { return std::string{}; })>);
static_assert(!io::transform<decltype([](std::span<std::byte>) {})>);

std::span<std::byte> upper(std::span<std::byte> chunk) {
  std::ranges::transform(chunk, chunk.begin(), [](std::byte b) {
    return static_cast<std::byte>(std::toupper(static_cast<unsigned char>(b)));
  });
  return chunk;
}

TEST_P(Pipe, writes_what_the_function_makes_of_the_chunks) {
  std::string text(300'000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  make("in", text);
  run(1, [&] {
    file in = file::open(path("in")).value(), out = file::open(path("out"), O_RDWR | O_CREAT).value();
    const auto r = io::pipe(in, out, upper, 20s);
    ASSERT_TRUE(r) << r.error().message();
    EXPECT_EQ(r->bytes, text.size());
    EXPECT_EQ(r->taken, text.size());
    EXPECT_EQ(r->way, transfer_way::copying);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    EXPECT_TRUE(content("out") == text);
  });
}

TEST_P(Pipe, what_was_held_back_goes_out_at_the_end) {
  run(1, [&] {
    auto source = socket_pair(), target = socket_pair();
    ASSERT_EQ(::send(source.far, "one two three", 13, 0), 13);
    source.far.reset();
    std::string words, line;
    std::size_t calls = 0, empty = 0;
    const auto swap = [&](std::span<std::byte> chunk) -> byte_view {
      ++calls;
      words.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      if (!chunk.empty()) return {};
      ++empty;
      line = "<" + words + ">";
      return line;
    };
    const auto r = io::pipe(int{source.near}, int{target.near}, swap, 5s);
    ASSERT_TRUE(r) << r.error().message();
    EXPECT_EQ(r->taken, 13u);
    EXPECT_EQ(r->bytes, 15u);
    EXPECT_EQ(empty, 1u);
    EXPECT_GE(calls, 2u);
    char got[20];
    EXPECT_EQ(io::recv(target.far, bytes_of(got)).value(), 15u);
    EXPECT_EQ(std::string_view(got, 15), "<one two three>");
  });
}

TEST_P(Pipe, an_error_or_an_exception_of_the_function_ends_it) {
  make("in", std::string(200'000, 'x'));
  run(1, [&] {
    std::size_t chunks = 0;
    const auto fails = [&](std::span<std::byte> chunk) -> result<byte_view> {
      if (++chunks == 2) return std::unexpected(errc::protocol);
      return byte_view{chunk};
    };
    file in = file::open(path("in")).value(), out = file::temporary().value();
    const auto r = io::pipe(in, out, fails);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::protocol);
    EXPECT_EQ(out.size().value(), r.error().moved.bytes);
    EXPECT_GT(r.error().moved.taken, r.error().moved.bytes);

    const auto throws = [](std::span<std::byte>) -> byte_view { throw std::runtime_error{"enough"}; };
    EXPECT_THROW((void)io::pipe({in, 0}, out, throws), std::runtime_error);
    // And nobody holds the files any more.
    EXPECT_TRUE(in.close());
    EXPECT_TRUE(out.close());
  });
}

TEST_P(Pipe, a_deadline_a_stop_and_a_close_end_it) {
  run(2, [&] {
    for (const int how : {0, 1, 2}) {
      auto [read_end, write_end] = pipe_pair();
      auto [near, far] = socket_pair();
      ASSERT_EQ(::write(write_end, "some", 4), 4);
      process::pipe_end source{read_end.release()};
      io::transfer_result r;
      auto moves =
          spawn([&] { r = io::pipe(source, int{near}, upper, how == 0 ? deadline{3ms} : deadline{20s}); });
      char got[4];
      EXPECT_EQ(io::recv(far, bytes_of(got)).value(), 4u);
      EXPECT_EQ(std::string_view(got, 4), "SOME");
      if (how == 1) moves.request_stop();
      if (how == 2) source.close();
      moves.join();
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error(), how == 0 ? errc::deadline_exceeded : how == 1 ? errc::canceled : errc::closed);
      EXPECT_EQ(r.error().moved.bytes, 4u);
    }
  });
}

}  // namespace
}  // namespace weft::detail
