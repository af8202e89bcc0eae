// Streams that send from the caller's own pages, and streams as ends of transfers. Which backend they run on,
// WEFT_BACKEND says: epoll has no zero copy and must say so.
#include "net_fixture.hpp"

#include <algorithm>
#include <fstream>
#include <span>
#include <thread>

#include <weft/io/transfer.hpp>
#include <weft/net/socket_options.hpp>
#include <weft/net/unix_stream.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/spawn.hpp>

using namespace weft::testing;
using weft::errc;
using weft::io::transfer_way;
namespace io = weft::io;
namespace net = weft::net;

namespace {

class ZeroCopy : public NetTest {};
class StreamTransfer : public NetTest {};

// All that comes until the end.
std::vector<std::byte> all_of(net::tcp_stream& from) {
  std::vector<std::byte> all, part(256 << 10);
  for (;;) {
    const auto got = from.read(part, 10s);
    if (!got || *got == 0) return all;
    all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

// The window of `far` is so small that most of what is sent stays in the queue of `near`.
stream_pair narrow_window() {
  auto listener = net::tcp_listener::bind("127.0.0.1:0");
  EXPECT_TRUE(net::set_receive_buffer(listener->native_handle(), 2048));
  auto near = net::tcp_stream::connect(listener->local_address(), 5s);
  return {std::move(*near), std::move(*listener->accept(5s))};
}

bool has_zero_copy() {
  const char* const backend = std::getenv("WEFT_BACKEND");
  return backend == nullptr || std::string_view{backend} == "uring";
}

}  // namespace

TEST_F(ZeroCopy, all_bytes_arrive_and_may_be_overwritten_as_soon_as_it_returns) {
  on_fiber([] {
    for (const std::size_t size : {1uz, 5000uz, 64uz << 10, (1uz << 20) + 7, 16uz << 20}) {
      auto [near, far] = connected();
      const std::vector<std::byte> expected = pattern(size);
      std::vector<std::byte> bytes = expected, got;
      auto reader = weft::spawn([&] { got = all_of(far); });
      const auto sent = near.write_all_zero_copy(bytes, 20s);
      std::ranges::fill(bytes, std::byte{0xee});
      ASSERT_TRUE(sent) << sent.error().message();
      EXPECT_EQ(sent->bytes, size);
      EXPECT_EQ(sent->way, transfer_way::copying) << "the loopback copies";
      near.close();
      reader.join();
      EXPECT_TRUE(got == expected) << size;
    }
    auto [near, far] = connected();
    const auto nothing = near.write_all_zero_copy({});
    EXPECT_EQ(nothing->bytes, 0u);
    EXPECT_EQ(nothing->way, transfer_way::none);
  });
}

TEST_F(ZeroCopy, a_unix_stream_and_a_foreign_thread_copy) {
  on_fiber([] {
    auto [near, far] = *net::unix_stream::pair();
    const std::vector<std::byte> bytes = pattern(60'000);
    std::vector<std::byte> got(bytes.size());
    auto reader = weft::spawn([&] { EXPECT_TRUE(far.read_exactly(got, 5s)); });
    const auto sent = near.write_all_zero_copy(bytes, 5s);
    ASSERT_TRUE(sent) << sent.error().message();
    EXPECT_EQ(sent->way, transfer_way::copying);
    reader.join();
    EXPECT_TRUE(got == bytes);
    auto again = weft::spawn([&] { EXPECT_TRUE(far.read_exactly(got, 5s)); });
    auto on_thread =
        weft::spawn_blocking([&] { EXPECT_EQ(near.write_all_zero_copy(bytes, 5s)->bytes, bytes.size()); });
    on_thread.join();
    again.join();
  });
}

TEST_F(ZeroCopy, bytes_on_a_fibers_stack_are_refused) {
  on_fiber([] {
    auto [near, far] = connected();
    // No local array: AddressSanitizer keeps those elsewhere.
    const std::span on_stack{static_cast<const std::byte*>(__builtin_frame_address(0)), 16};
    const auto refused = near.write_all_zero_copy(on_stack);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::invalid_argument);
    EXPECT_EQ(refused.error().moved.bytes, 0u);
  });
}

TEST_F(ZeroCopy, a_peer_that_does_not_read_holds_nobody_beyond_the_deadline_or_a_stop) {
  on_fiber([] {
    const std::vector<std::byte> bytes = pattern(256 << 10);
    for (const bool stopped : {false, true}) {
      auto [near, far] = narrow_window();
      io::transfer_result sent;
      auto sender = weft::spawn(
          [&] { sent = near.write_all_zero_copy(bytes, stopped ? weft::deadline{} : weft::deadline{20ms}); });
      if (stopped) {
        (void)weft::this_fiber::sleep_for(5ms);
        sender.request_stop();
      }
      sender.join();
      if (!has_zero_copy()) continue;  // it went into the queue, as a copy
      ASSERT_FALSE(sent);
      EXPECT_EQ(sent.error(), stopped ? errc::canceled : errc::deadline_exceeded);
    }
  });
}

TEST_F(ZeroCopy, close_from_another_fiber_ends_it) {
  for (const unsigned workers : {1u, 3u}) {
    on_fiber(
        [] {
          const std::vector<std::byte> bytes = pattern(256 << 10);
          auto [near, far] = narrow_window();
          io::transfer_result sent;
          auto sender = weft::spawn([&, &s = near] { sent = s.write_all_zero_copy(bytes); });
          (void)weft::this_fiber::sleep_for(5ms);
          near.close();
          sender.join();
          if (!has_zero_copy()) return;
          ASSERT_FALSE(sent);
          EXPECT_EQ(sent.error(), errc::closed);
        },
        workers);
  }
}

TEST_F(ZeroCopy, a_peer_that_has_gone_is_an_error_after_what_was_taken) {
  on_fiber([] {
    auto [near, far] = connected();
    const std::vector<std::byte> bytes = pattern(32 << 20);
    auto goes = weft::spawn([&, &s = far] {
      std::vector<std::byte> some(100'000);
      EXPECT_TRUE(s.read_exactly(some, 5s));
      s.close();
    });
    const auto sent = near.write_all_zero_copy(bytes, 20s);
    goes.join();
    ASSERT_FALSE(sent);
    EXPECT_TRUE(sent.error() == std::errc::broken_pipe || sent.error() == std::errc::connection_reset)
        << sent.error().message();
  });
}

TEST_F(ZeroCopy, two_senders_do_not_mix_within_one_send) {
  on_fiber(
      [] {
        auto [near, far] = connected();
        const std::vector<std::byte> a(200'000, std::byte{'a'}), b(200'000, std::byte{'b'});
        std::vector<std::byte> got;
        auto reader = weft::spawn([&, &s = far] { got = all_of(s); });
        auto first = weft::spawn([&, &s = near] { EXPECT_TRUE(s.write_all_zero_copy(a, 20s)); });
        auto second = weft::spawn([&, &s = near] { EXPECT_TRUE(s.write_all_zero_copy(b, 20s)); });
        first.join();
        second.join();
        near.close();
        reader.join();
        ASSERT_EQ(got.size(), 400'000u);
        EXPECT_EQ(std::ranges::count(got, std::byte{'a'}), 200'000);
        EXPECT_EQ(std::ranges::count(std::span{got}.first(200'000), got[0]), 200'000) << "they are mixed";
      },
      2);
}

TEST_F(StreamTransfer, goes_between_streams_and_files) {
  on_fiber([] {
    const std::vector<std::byte> bytes = pattern(3'000'000);
    io::file in = io::file::temporary().value(), out = io::file::temporary().value();
    ASSERT_TRUE(in.pwrite_all(bytes, 0));
    auto [a, b] = connected();
    auto [c, d] = connected();
    auto sends = weft::spawn([&, &s = a] {
      const auto r = io::transfer(in, s, io::to_the_end, 20s);
      ASSERT_TRUE(r) << r.error().message();
      EXPECT_EQ(r->way, transfer_way::sendfile);
      EXPECT_EQ(r->bytes, bytes.size());
      s.close();
    });
    auto relays = weft::spawn([&, &from = b, &to = c] {
      const auto r = io::transfer(from, to, io::to_the_end, 20s);
      ASSERT_TRUE(r) << r.error().message();
      EXPECT_EQ(r->way, transfer_way::splice);
      EXPECT_EQ(r->bytes, bytes.size());
      to.close();
    });
    const auto r = io::transfer(d, out, io::to_the_end, 20s);
    ASSERT_TRUE(r) << r.error().message();
    sends.join();
    relays.join();
    std::vector<std::byte> got(bytes.size());
    EXPECT_TRUE(out.pread_exactly(got, 0));
    EXPECT_TRUE(got == bytes);
  });
}

TEST_F(StreamTransfer, close_of_either_stream_ends_it) {
  for (const unsigned workers : {1u, 3u}) {
    for (const bool closes_source : {false, true}) {
      on_fiber(
          [closes_source] {
            auto [a, b] = connected();
            auto [c, d] = connected();
            io::transfer_result r;
            auto relays = weft::spawn([&, &from = b, &to = c] { r = io::transfer(from, to); });
            (void)weft::this_fiber::sleep_for(5ms);
            (closes_source ? b : c).close();
            relays.join();
            ASSERT_FALSE(r);
            EXPECT_EQ(r.error(), errc::closed);
          },
          workers);
    }
  }
}
