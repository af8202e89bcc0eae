#include "net_fixture.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <array>
#include <thread>

#include <weft/net/udp_socket.hpp>
#include <weft/runtime/spawn.hpp>

using namespace weft::testing;
using weft::errc;
using weft::result;
namespace net = weft::net;

namespace {

using clock = std::chrono::steady_clock;
class UdpSocket : public NetTest {};

net::udp_socket local() {
  auto s = net::udp_socket::bind("127.0.0.1:0");
  EXPECT_TRUE(s) << s.error().message();
  return std::move(*s);
}

net::address address_of(const net::udp_socket& s) { return *net::address::parse(s.local_address()); }

result<std::string> recv_text(net::udp_socket& by, weft::deadline until = 5s) {
  std::array<std::byte, 2048> into;
  const auto got = WEFT_TRY(by.recv(into, until));
  return text_of(std::span{into}.first(got.size));
}

// One that is up and passes groups of IPv6 on, which the loopback does not; 0: none.
unsigned interface_for_v6_groups() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return 0;
  unsigned found = 0;
  for (const ifaddrs* i = all; i != nullptr && found == 0; i = i->ifa_next) {
    const bool has_v6 = i->ifa_addr != nullptr && i->ifa_addr->sa_family == AF_INET6;
    if (has_v6 && (i->ifa_flags & IFF_UP) != 0 && (i->ifa_flags & IFF_MULTICAST) != 0)
      found = ::if_nametoindex(i->ifa_name);
  }
  ::freeifaddrs(all);
  return found;
}

// Two that have joined a group hear what a third sends to it, and it does not leave this machine.
void check_group(net::address any, net::address group, unsigned interface) {
  auto a = net::udp_socket::bind(any, /*shared=*/true);
  ASSERT_TRUE(a) << a.error().message();
  const net::address to = group.with_port(address_of(*a).port());
  auto b = net::udp_socket::bind(any.with_port(to.port()), /*shared=*/true);
  ASSERT_TRUE(b) << b.error().message();
  if (const auto joined = a->join(group, interface); !joined)
    GTEST_SKIP() << "no groups on this machine: " << joined.error().message();
  ASSERT_TRUE(b->join(group, interface));
  auto sender = net::udp_socket::bind(any.is_v4() ? net::address::loopback_v4(0) : any.with_port(0));
  ASSERT_TRUE(sender);
  ASSERT_TRUE(sender->set_multicast_interface(interface));
  ASSERT_TRUE(sender->set_multicast_hops(0));
  ASSERT_TRUE(sender->set_multicast_loopback(true));
  ASSERT_TRUE(sender->send_to("to all"sv, to, 5s));
  EXPECT_EQ(recv_text(*a), "to all");
  EXPECT_EQ(recv_text(*b), "to all");

  ASSERT_TRUE(a->leave(group, interface));
  ASSERT_TRUE(sender->send_to("to one"sv, to, 5s));
  EXPECT_EQ(recv_text(*b), "to one");
  EXPECT_EQ(failure(recv_text(*a, 20ms)), errc::deadline_exceeded);
  EXPECT_FALSE(a->leave(group, interface));
}

}  // namespace

TEST_F(UdpSocket, carries_datagrams_and_says_from_where) {
  on_fiber([] {
    auto a = local(), b = local();
    ASSERT_TRUE(a.send_to("one"sv, address_of(b), 5s));
    ASSERT_TRUE(a.send_to(""sv, address_of(b), 5s));
    std::array<std::byte, 16> into;
    const auto first = b.recv_from(into, 5s);
    ASSERT_TRUE(first) << first.error().message();
    EXPECT_EQ(text_of(std::span{into}.first(first->size)), "one");
    EXPECT_EQ(first->from, address_of(a));
    const auto empty = b.recv_from(into, 5s);
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->size, 0u);
    ASSERT_TRUE(b.send_to("back"sv, first->from, 5s));
    EXPECT_EQ(recv_text(a), "back");
  });
}

TEST_F(UdpSocket, a_long_datagram_is_cut_and_that_is_told) {
  on_fiber([] {
    auto a = local(), b = local();
    ASSERT_TRUE(a.send_to("long"sv, address_of(b), 5s));
    ASSERT_TRUE(a.send_to("fits"sv, address_of(b), 5s));
    std::array<std::byte, 3> three;
    const auto cut = b.recv(three, 5s);
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->size, 3u);
    EXPECT_TRUE(cut->truncated);
    std::array<std::byte, 4> four;
    EXPECT_FALSE(b.recv(four, 5s)->truncated);
  });
}

TEST_F(UdpSocket, a_connected_one_hears_its_peer_only_and_of_its_absence) {
  on_fiber([] {
    auto server = local(), stranger = local();
    auto client = net::udp_socket::connect(server.local_address(), 5s);
    ASSERT_TRUE(client) << client.error().message();
    ASSERT_TRUE(client->send("question"sv, 5s));
    std::array<std::byte, 16> into;
    const auto asked = server.recv_from(into, 5s);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->from, address_of(*client));
    ASSERT_TRUE(stranger.send_to("lie"sv, asked->from, 5s));
    ASSERT_TRUE(server.send_to("answer"sv, asked->from, 5s));
    EXPECT_EQ(recv_text(*client), "answer");
    server.close();
    ASSERT_TRUE(client->send("anyone?"sv, 5s));
    EXPECT_EQ(failure(recv_text(*client)), std::errc::connection_refused);
  });
}

TEST_F(UdpSocket, connects_by_name) {
  on_fiber([] {
    auto server = local();
    auto client = net::udp_socket::connect("localhost:" + std::to_string(address_of(server).port()), 5s);
    ASSERT_TRUE(client) << client.error().message();
    EXPECT_EQ(failure(net::udp_socket::connect("localhost", 5s)), net::address_error::no_port);
  });
}

TEST_F(UdpSocket, any_address_takes_both_families_and_calls_them_by_their_names) {
  on_fiber([] {
    auto server = net::udp_socket::bind(":0");
    ASSERT_TRUE(server) << server.error().message();
    const std::uint16_t port = address_of(*server).port();
    auto client = local();
    ASSERT_TRUE(client.send_to("four"sv, net::address::loopback_v4(port), 5s));
    std::array<std::byte, 16> into;
    const auto got = server->recv_from(into, 5s);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->from, address_of(client));
    ASSERT_TRUE(server->send_to("back"sv, got->from, 5s));
    EXPECT_EQ(recv_text(client), "back");
  });
}

TEST_F(UdpSocket, gives_the_errors_of_the_kernel) {
  on_fiber([] {
    auto a = local();
    EXPECT_EQ(failure(net::udp_socket::bind(a.local_address())), std::errc::address_in_use);
    EXPECT_EQ(failure(net::udp_socket::bind("nonsense")), std::errc::invalid_argument);
    EXPECT_EQ(failure(a.send("x"sv, 5s)), std::errc::destination_address_required);
    const auto huge = pattern(70'000);
    EXPECT_EQ(failure(a.send_to(huge, address_of(a), 5s)), std::errc::message_size);
  });
}

TEST_F(UdpSocket, sends_and_receives_many_at_once) {
  on_fiber([] {
    constexpr std::size_t count = 150;  // three system calls
    auto a = local(), b = local();
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back("datagram " + std::to_string(i));
    std::vector<net::udp_socket::outgoing> out;
    for (const auto& text : texts) out.push_back({.bytes = text, .to = address_of(b)});
    const auto sent = a.send_many(out, 5s);
    ASSERT_TRUE(sent) << sent.error().message();
    EXPECT_EQ(*sent, count);

    std::vector<std::array<std::byte, 64>> buffers(count);
    std::vector<net::udp_socket::incoming> in(count);
    for (std::size_t i = 0; i < count; ++i) in[i].into = buffers[i];
    in[3].into = std::span{buffers[3]}.first(4);
    std::size_t got = 0;
    for (int calls = 0; got < count; ++calls) {
      const auto n = b.recv_many(std::span{in}.subspan(got), 5s);
      ASSERT_TRUE(n) << n.error().message();
      EXPECT_GE(*n, 1u);
      EXPECT_LE(*n, net::udp_socket::batch_max);
      ASSERT_LT(calls, 10) << "one at a time";
      got += *n;
    }
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(text_of(in[i].into.first(in[i].got.size)), i == 3 ? "data" : texts[i]);
      EXPECT_EQ(in[i].got.truncated, i == 3);
      EXPECT_EQ(in[i].got.from, address_of(a));
    }
    EXPECT_EQ(*b.recv_many({}, 5s), 0u);
    EXPECT_EQ(*a.send_many({}, 5s), 0u);
  });
}

TEST_F(UdpSocket, send_many_says_how_many_went_before_one_failed) {
  on_fiber([] {
    auto a = local(), b = local();
    const auto huge = pattern(70'000);
    const std::array<net::udp_socket::outgoing, 3> out{{{.bytes = "one"sv, .to = address_of(b)},
                                                        {.bytes = huge, .to = address_of(b)},
                                                        {.bytes = "three"sv, .to = address_of(b)}}};
    EXPECT_EQ(*a.send_many(out, 5s), 1u);
    EXPECT_EQ(failure(a.send_many(std::span{out}.subspan(1), 5s)), std::errc::message_size);
    EXPECT_EQ(recv_text(b), "one");
  });
}

TEST_F(UdpSocket, recv_many_returns_with_what_is_there) {
  on_fiber([] {
    auto a = local(), b = local();
    std::array<std::array<std::byte, 8>, 4> buffers;
    std::array<net::udp_socket::incoming, 4> in;
    for (std::size_t i = 0; i < 4; ++i) in[i].into = buffers[i];
    auto receiver = weft::spawn([&] { return b.recv_many(in, 5s); });
    weft::this_fiber::yield();
    ASSERT_TRUE(a.send_to("x"sv, address_of(b), 5s));
    const auto n = receiver.join();
    ASSERT_TRUE(n);
    EXPECT_EQ(*n, 1u);
    EXPECT_EQ(failure(b.recv_many(in, 20ms)), errc::deadline_exceeded);
  });
}

TEST_F(UdpSocket, close_and_stop_and_deadline_end_a_receive) {
  on_fiber([] {
    auto s = local();
    const auto begin = clock::now();
    EXPECT_EQ(failure(recv_text(s, 20ms)), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - begin, 20ms);
    EXPECT_EQ(failure(recv_text(s, 0ms)), errc::deadline_exceeded);
    auto stopped = weft::spawn([&] { return recv_text(s); });
    weft::this_fiber::yield();
    stopped.request_stop();
    EXPECT_EQ(failure(stopped.join()), errc::canceled);
    auto closed = weft::spawn([&] { return recv_text(s); });
    auto second = weft::spawn([&] { return recv_text(s); });  // waits its turn
    weft::this_fiber::yield();
    s.close();
    EXPECT_EQ(failure(closed.join()), errc::closed);
    EXPECT_EQ(failure(second.join()), errc::closed);
    EXPECT_EQ(failure(s.send_to("x"sv, net::address::loopback_v4(9), 5s)), errc::closed);
    EXPECT_EQ(s.local_address(), "");
  });
}

TEST_F(UdpSocket, a_receiver_that_always_has_data_lets_others_run) {
  on_fiber([] {
    auto a = local(), b = local();
    bool ran = false, done = false;
    auto other = weft::spawn([&] { ran = true; });
    for (int i = 0; i < 300 && !ran; ++i) {
      ASSERT_TRUE(a.send_to("x"sv, address_of(b), 5s));
      ASSERT_TRUE(recv_text(b));
    }
    done = ran;
    other.join();
    EXPECT_TRUE(done);
  });
}

TEST_F(UdpSocket, works_from_foreign_threads) {
  auto a = local(), b = local();
  std::thread sender{[&] { EXPECT_TRUE(a.send_to("hello"sv, address_of(b), 5s)); }};
  EXPECT_EQ(recv_text(b), "hello");
  sender.join();
  EXPECT_EQ(failure(recv_text(b, 20ms)), errc::deadline_exceeded);
}

TEST_F(UdpSocket, a_group_is_heard_by_its_members) {
  on_fiber([] {
    check_group(net::address::any_v4(0), *net::address::parse("239.255.77.1:0"), ::if_nametoindex("lo"));
  });
}

TEST_F(UdpSocket, a_group_of_ipv6_is_heard_by_its_members) {
  const unsigned interface = interface_for_v6_groups();
  if (interface == 0) GTEST_SKIP() << "no interface for them";
  on_fiber([=] { check_group(net::address::any_v6(0), *net::address::parse("[ff01::7701]:0"), interface); });
}

TEST_F(UdpSocket, broadcasting_has_to_be_allowed) {
  on_fiber([] {
    auto receiver = net::udp_socket::bind(net::address::any_v4(0));
    ASSERT_TRUE(receiver);
    auto sender = local();
    auto to = *net::address::parse("127.255.255.255:0");
    to = to.with_port(address_of(*receiver).port());
    EXPECT_EQ(failure(sender.send_to("all"sv, to, 5s)), std::errc::permission_denied);
    ASSERT_TRUE(sender.set_broadcast(true));
    const auto sent = sender.send_to("all"sv, to, 5s);
    if (!sent) GTEST_SKIP() << "the loopback has no broadcast address: " << sent.error().message();
    EXPECT_EQ(recv_text(*receiver), "all");
  });
}
