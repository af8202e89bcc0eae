// How much of a fiber's stack weft itself uses, measured on painted stacks of the smallest class: 512 bytes
// at most, whatever the call, because a fiber of that class has 4 KiB in all.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <socket_pair.hpp>
#include <weft/io/io.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/signals.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/trace/tracer.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::ptrdiff_t allowed = 512;
constexpr std::byte paint{0xa5};

WEFT_ALWAYS_INLINE std::byte* stack_pointer() {
  std::byte* sp;
#if defined(__x86_64__)
  asm volatile("mov %%rsp, %0" : "=r"(sp));
#elif defined(__aarch64__)
  asm volatile("mov %0, sp" : "=r"(sp));
#endif
  return sp;
}

std::ptrdiff_t painted_from(const std::byte* base, const std::byte* top) {
  return top - std::find_if(base, top, [](std::byte b) { return b != paint; });
}

/// Bytes below the caller's frame that f() has written to, the frame of f included.
template <class F>
WEFT_NOINLINE std::ptrdiff_t stack_used_by(F& f) {
  std::byte* const base = detail::worker::current()->running()->stack;
  std::byte* const top = stack_pointer();
  // Byte by byte, and through volatile: memset would paint over its own return address.
  for (volatile std::byte* p = base; p != top; ++p) *p = paint;
  f();
  return painted_from(base, top);
}

class StackUse : public weft_test::leak_check {
 protected:
  void SetUp() override {
    if (!weft_test::optimized)
      GTEST_SKIP() << "what is meant is an optimized build; sanitizers use the stack too";
  }

  /// Calls `f`, whose own frame is small, on a fiber of the smallest class, a few times: the first time is
  /// the coldest.
  template <class F>
  static void expect_little(const char* what, F f, int times = 3, std::ptrdiff_t most_allowed = allowed) {
    const std::ptrdiff_t used = spawn(
                                    [&] {
                                      std::ptrdiff_t most = 0;
                                      for (int i = 0; i < times; ++i) most = std::max(most, stack_used_by(f));
                                      return most;
                                    },
                                    {.stack = stack_class::kib4})
                                    .join();
    std::printf("%-34s %4td bytes\n", what, used);
    RecordProperty(what, static_cast<int>(used));
    EXPECT_LE(used, most_allowed) << what;
  }
};

void nothing() {}

/// Runs f(), with one worker, on each backend that there is here.
template <class F>
void run_on_each_backend(F f) {
  for (const io_backend backend : {io_backend::uring, io_backend::epoll}) {
    const options o{.workers = 1, .backend = backend};
    if (runtime::open(o)) run(f, o);
  }
}

TEST_F(StackUse, suspending_takes_512_bytes_at_most) {
  run(
      [] {
        event never;
        bool over = false;
        task<void> other = spawn([&] {
          while (!over) this_fiber::yield();
        });
        expect_little("yield", [] { this_fiber::yield(); }, 100);
        expect_little("sleep_for", [] { this_fiber::sleep_for(20us); });
        expect_little("checkpoint", [] { (void)this_fiber::checkpoint(); });
        expect_little("event.wait until", [&] { (void)never.wait(20us); });
        over = true;
        other.join();
      },
      {.workers = 1});
}

// A record is 120 bytes, and a copy of it goes into the ring.
TEST_F(StackUse, while_it_is_traced_takes_a_kilobyte_at_most) {
  constexpr std::ptrdiff_t traced = 1024;
  ASSERT_TRUE(trace::start());
  run(
      [] {
        bool over = false;
        task<void> other = spawn([&] {
          while (!over) this_fiber::yield();
        });
        expect_little("yield, traced", [] { this_fiber::yield(); }, 100, traced);
        expect_little("sleep_for, traced", [] { this_fiber::sleep_for(20us); }, 3, traced);
        expect_little("spawn, join, traced", [] { spawn(nothing).join(); }, 100, traced);
        expect_little(
            "span, traced",
            [] {
              trace::span s{"span"};
              s.set("key", "value");
              s.event("event");
            },
            3, traced);
        over = true;
        other.join();
      },
      {.workers = 1});
  trace::stop();
}

TEST_F(StackUse, an_event_that_opens_later) {
  run(
      [] {
        event gate;
        std::vector<task<void>> setters;
        for (int i = 0; i < 3; ++i)
          setters.push_back(spawn([&] {
            for (int k = 0; k < 5; ++k) this_fiber::yield();
            gate.set();
          }));
        expect_little("event.wait, set later", [&] { (void)gate.wait(); }, 1);
        expect_little("event.set and reset", [&] {
          gate.set();
          gate.reset();
        });
      },
      {.workers = 1});
}

TEST_F(StackUse, spawning_and_joining_takes_512_bytes_at_most) {
  run(
      [] {
        const spawn_options small{.stack = stack_class::kib4};
        expect_little("spawn, join", [&] { spawn(nothing, small).join(); }, 100);
        expect_little("spawn, join until", [&] { (void)spawn(nothing, small).join(1h); });
        expect_little("spawn, stop",
                      [&] { const task<void> t = spawn([] { this_fiber::sleep_for(1h); }, small); });
        expect_little("go", [&] { go(nothing, small); });
        expect_little("spawn with a name",
                      [&] { spawn(nothing, {.name = "named", .stack = stack_class::kib4}).join(); });
        expect_little("spawn pinned",
                      [&] { spawn(nothing, {.stack = stack_class::kib4, .worker = 0}).join(); });
        expect_little("on_thread_stack", [] { on_thread_stack(nothing); });
      },
      {.workers = 1});
}

// Where a fiber switches away, the next one gets its stack: from an empty cache that means the kernel.
TEST_F(StackUse, spawning_thousands_takes_no_more_than_one) {
  for (const unsigned workers : {1u, 2u})
    run(
        [] {
          expect_little(
              "go, 5000 times",
              [] {
                for (int i = 0; i < 5000; ++i) go([] { this_fiber::yield(); }, {.stack = stack_class::kib16});
              },
              1);
          expect_little(
              "yield to 5000 that start",
              [] {
                for (int i = 0; i < 3; ++i) this_fiber::yield();
              },
              1);
        },
        {.workers = workers});
}

// The first stack of its class: an arena is mapped and guarded, on the stack of whoever switches away.
TEST_F(StackUse, switching_to_a_fiber_for_which_the_kernel_must_be_asked_takes_512_bytes_at_most) {
  run(
      [] {
        for (const stack_class c : {stack_class::kib4, stack_class::kib256, stack_class::mib1}) {
          const std::string what = std::string{"yield to the first "} + detail::name(c);
          task<void> measuring = spawn(
              [&] {
                task<void> first = spawn([] { this_fiber::yield(); }, {.stack = c});
                const auto to_it = [] { this_fiber::yield(); };
                const std::ptrdiff_t used = stack_used_by(to_it);
                std::printf("%-34s %4td bytes\n", what.c_str(), used);
                EXPECT_LE(used, allowed) << what;
                first.join();
              },
              {.stack = stack_class::kib16});
          measuring.join();
        }
      },
      {.workers = 1});
}

TEST_F(StackUse, spawning_under_a_limit_takes_512_bytes_at_most) {
  run(
      [] {
        const spawn_options small{.stack = stack_class::kib4};
        expect_little("spawn, join, limited", [&] { spawn(nothing, small).join(); });
        expect_little("go, waiting for room", [&] {
          for (int i = 0; i < 50; ++i) go([] { this_fiber::yield(); }, {.stack = stack_class::kib4});
        });
        expect_little("try_spawn", [&] { (void)try_spawn(nothing, small); });
      },
      {.workers = 2, .fibers_max = 4});
}

TEST_F(StackUse, io_takes_512_bytes_at_most) {
  run_on_each_backend([] {
    const weft_test::socket_pair ends;
    std::array<std::byte, 8> buffer{};
    expect_little("recv until, nothing comes", [&] { (void)io::recv(ends.near(), buffer, 0, 100us); });
    expect_little("send", [&] { (void)io::send(ends.far(), buffer); });
    expect_little("recv, something is there", [&] { (void)io::recv(ends.near(), buffer); });
    task<void> sender = spawn([&] {
      for (int i = 0; i < 3; ++i) {
        this_fiber::sleep_for(200us);
        (void)io::send(ends.far(), buffer);
      }
    });
    expect_little("recv until, something comes", [&] { (void)io::recv(ends.near(), buffer, 0, 10s); });
    sender.join();
    expect_little("poll until", [&] { (void)io::poll(ends.near(), 1 /*POLLIN*/, 100us); });
  });
}

TEST_F(StackUse, locking_takes_512_bytes_at_most) {
  run(
      [] {
        mutex m;
        bool over = false;
        task<void> other = spawn([&] {
          while (!over) {
            m.lock();
            this_fiber::yield();
            m.unlock();
            this_fiber::yield();
          }
        });
        expect_little(
            "mutex.lock, taken by another",
            [&] {
              m.lock();
              m.unlock();
            },
            100);
        over = true;
        other.join();
        m.lock();
        expect_little("mutex.lock until", [&] { (void)m.lock(50us); });
        m.unlock();
      },
      {.workers = 1});
}

TEST_F(StackUse, a_channel_takes_512_bytes_at_most) {
  run(
      [] {
        for (const std::size_t capacity : {0u, 1u}) {
          channel<int> there{capacity}, back{capacity};
          task<void> echo = spawn([&] {
            for (int v : there)
              if (!back.send(int{v})) return;
          });
          expect_little("channel.send, nobody takes it", [&] { (void)there.send(1); }, 1);
          expect_little("channel.recv, nothing there", [&] { (void)back.recv(); }, 1);
          expect_little(
              "channel.send and recv",
              [&] {
                (void)there.send(1);
                (void)back.recv();
              },
              100);
          expect_little("channel.recv until", [&] { (void)back.recv(50us); });
          there.close();
          echo.join();
          expect_little("channel.recv, closed", [&] { (void)there.recv(); });
        }
      },
      {.workers = 1});
}

TEST_F(StackUse, waiting_for_a_group_takes_512_bytes_at_most) {
  run(
      [] {
        wait_group all;
        expect_little("wait_group.wait", [&] {
          all.add();
          go(
              [&] {
                this_fiber::yield();
                all.done();
              },
              {.stack = stack_class::kib4});
          (void)all.wait();
        });
        all.add();
        expect_little("wait_group.wait until", [&] { (void)all.wait(50us); });
        all.done();
      },
      {.workers = 1});
}

TEST_F(StackUse, waiting_for_a_signal_takes_512_bytes_at_most) {
  const std::size_t threads = weft_test::live_threads();
  run([] { expect_little("signals::wait until", [] { (void)signals::wait({SIGUSR1}, 100us); }); },
      {.workers = 1});
  // real time: the thread that caught the signals ends by itself
  for (int i = 0; i < 5000 && weft_test::live_threads() > threads; ++i) std::this_thread::sleep_for(1ms);
}

TEST_F(StackUse, tcp_takes_512_bytes_at_most) {
  run_on_each_backend([] {
    auto listener = net::tcp_listener::bind("127.0.0.1:0");
    ASSERT_TRUE(listener);
    auto near = net::tcp_stream::connect(listener->local_address(), 5s);
    auto far = listener->accept(5s);
    ASSERT_TRUE(near && far);
    std::array<std::byte, 8> buffer{};
    const std::vector<std::byte> eight(8), much(8 << 20);
    expect_little("tcp_stream.read until, nothing", [&] { (void)near->read(buffer, 100us); });
    expect_little("tcp_stream.write_some", [&] { (void)far->write_some(eight); });
    expect_little("tcp_stream.read, it is there", [&] { (void)near->read(buffer, 5s); });
    expect_little("tcp_stream.write_all", [&] { (void)far->write_all(eight); });
    expect_little("tcp_stream.read_exactly", [&] { (void)near->read_exactly(buffer, 5s); });
    task<void> sender = spawn([&] {
      for (int i = 0; i < 3; ++i) {
        this_fiber::sleep_for(200us);
        (void)far->write_all(eight);
      }
    });
    expect_little("tcp_stream.read, it comes", [&] { (void)near->read(buffer, 5s); });
    sender.join();
    expect_little("tcp_stream.write_all until, full", [&] { (void)far->write_all(much, 200us); });
  });
}

// What the rest is for, without paint: the whole of it is 4 KiB.
TEST_F(StackUse, a_fiber_of_4_kib_parks_sleeps_locks_sends_and_reads_a_socket) {
  run_on_each_backend([] {
    const weft_test::socket_pair ends;
    event gate;
    mutex m;
    channel<int> numbers{0};
    m.lock();
    task<std::size_t> small = spawn(
        [&] {
          (void)gate.wait();
          (void)this_fiber::sleep_for(100us);
          m.lock();
          (void)numbers.send(7);
          m.unlock();
          std::array<std::byte, 8> buffer{};
          return io::recv(ends.near(), buffer, 0, 10s).value_or(0);
        },
        {.stack = stack_class::kib4});
    this_fiber::sleep_for(100us);
    gate.set();
    this_fiber::sleep_for(1ms);  // real time: until it has slept, and waits for the mutex
    m.unlock();
    EXPECT_EQ(numbers.recv(10s).value_or(0), 7);
    this_fiber::sleep_for(100us);
    const std::array<std::byte, 3> sent{};
    EXPECT_TRUE(io::send(ends.far(), sent));
    EXPECT_EQ(small.join(), sent.size());
  });
}

/// The same for all that lies around the body: the root of the fiber, and its end.
TEST_F(StackUse, starting_and_ending_takes_512_bytes_at_most) {
  run(
      [] {
        struct painted {
          std::byte* base = nullptr;
          std::byte* top = nullptr;
        } p;
        for (int i = 0; i < 3; ++i) {
          spawn(
              [&p] {
                p.base = detail::worker::current()->running()->stack;
                p.top = p.base + detail::usable(stack_class::kib4);
                for (volatile std::byte* at = p.base; at != stack_pointer() - 128; ++at) *at = paint;
              },
              {.stack = stack_class::kib4})
              .join();
          const std::ptrdiff_t used = painted_from(p.base, p.top);
          std::printf("%-34s %4td bytes\n", "root and end of a fiber", used);
          EXPECT_LE(used, allowed);
        }
      },
      {.workers = 1});
}

}  // namespace
}  // namespace weft
