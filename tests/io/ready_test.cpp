// Descriptors as cases of select, on fibers and on foreign threads.
#include "fiber_fixture.hpp"

#include <chrono>
#include <thread>

#include <weft/io/io.hpp>
#include <weft/io/ready.hpp>
#include <weft/runtime/channel.hpp>

namespace weft::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto nothing = [](auto&&...) {};
constexpr auto must_not_run = [](auto&&...) { ADD_FAILURE() << "the wrong body ran"; };

class Ready : public OnFibers {};
INSTANTIATE_TEST_SUITE_P(backends, Ready, testing::Values(backend::uring, backend::epoll), backend_name);

TEST_P(Ready, a_descriptor_that_is_ready_is_a_case_like_any_other) {
  run(1, [] {
    auto [near, far] = pipe_pair();
    channel<int> closed{0};
    closed.close();
    int chosen[2] = {0, 0};
    ASSERT_EQ(io::write(far, std::string_view{"a"}).value(), 1u);
    for (int i = 0; i < 200; ++i) ++chosen[*select(io::readable(near, nothing), on_recv(closed, nothing))];
    EXPECT_GT(chosen[0], 50);
    EXPECT_GT(chosen[1], 50);
    EXPECT_EQ(select(io::writable(far, nothing), io::readable(far, must_not_run)), 0u);
  });
}

TEST_P(Ready, data_that_comes_ends_the_wait) {
  run(1, [] {
    auto [near, far] = pipe_pair();
    channel<int> never{0};
    auto waits = spawn([&] {
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(select(on_recv(never, must_not_run), io::readable(near, nothing)), 1u);
        char byte;
        EXPECT_EQ(io::read(near, bytes_of({&byte, 1})), 1u);
      }
    });
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(this_fiber::sleep_for(1ms));
      ASSERT_EQ(io::write(far, std::string_view{"a"}).value(), 1u);
    }
    waits.join();
  });
}

TEST_P(Ready, what_is_faster_lets_go_of_the_descriptor) {
  run(1, [] {
    auto [near, far] = pipe_pair();
    channel<int> c{0};
    auto sends = spawn([&] {
      for (int i = 0; i < 3; ++i) EXPECT_TRUE(c.send(i));
    });
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(select(io::readable(near, must_not_run), on_recv(c, nothing)), 1u);
      EXPECT_EQ(worker::current()->io().in_flight(), 0u);
    }
    EXPECT_EQ(select(io::readable(near, must_not_run), on_timeout(1ms, nothing)), 1u);
    EXPECT_EQ(worker::current()->io().in_flight(), 0u);
    sends.join();
  });
}

TEST_P(Ready, a_stop_ends_the_wait) {
  run(1, [] {
    auto [near, far] = pipe_pair();
    auto waits = spawn([&] { return select(io::readable(near, must_not_run)); });
    for (int i = 0; i < 10; ++i) this_fiber::yield();
    EXPECT_TRUE(waits.request_stop());
    EXPECT_EQ(waits.join().error(), errc::canceled);
  });
}

TEST_P(Ready, the_end_of_the_other_side_is_readable) {
  run(1, [] {
    auto [near, far] = pipe_pair();
    channel<int> never{0};
    auto closes = spawn([&] {
      EXPECT_TRUE(this_fiber::sleep_for(1ms));
      far.reset();
    });
    EXPECT_EQ(select(on_recv(never, must_not_run), io::readable(near, nothing)), 1u);
    closes.join();
  });
}

TEST_P(Ready, what_is_not_open_is_ready) {
  run(1, [] {
    channel<int> never{0};
    EXPECT_EQ(select(on_recv(never, must_not_run), io::readable(-1, nothing)), 1u);
    EXPECT_EQ(select(on_recv(never, must_not_run), io::readable(1 << 20, nothing)), 1u);
  });
}

// Fibers, one of each worker, and what they wait for comes from elsewhere.
TEST_P(Ready, descriptors_and_channels_race) {
  run(2, [] {
    auto [near, far] = pipe_pair();
    channel<int> c{0};
    int values = 0, bytes = 0;
    auto waits = spawn([&] {
      for (bool open = true; open;) {
        EXPECT_TRUE(select(on_recv(c, [&](auto r) { r ? ++values : open = false; }), io::readable(near, [&] {
                             char byte;
                             EXPECT_EQ(io::read(near, bytes_of({&byte, 1})), 1u);
                             ++bytes;
                           })));
      }
    });
    auto writes = spawn(
        [&] {
          for (int i = 0; i < 500; ++i) {
            EXPECT_EQ(io::write(far, std::string_view{"a"}).value(), 1u);
            this_fiber::yield();
          }
        },
        {.worker = 1});
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(c.send(i));
    writes.join();
    c.close();
    waits.join();
    EXPECT_EQ(values, 500);
    EXPECT_LE(bytes, 500);
  });
}

// A foreign thread sleeps in poll(2), and is called from there.
TEST(ReadyOnThread, waits_for_descriptors_and_everything_else) {
  auto [near, far] = pipe_pair();
  channel<int> c{0}, answers{1};
  std::jthread waits{[&] {
    for (bool open = true; open;) {
      EXPECT_TRUE(
          select(on_recv(c, [&](auto r) { r ? (void)answers.try_send(*r + 1) : (void)(open = false); }),
                 io::readable(near, [&] {
                   char byte;
                   EXPECT_EQ(::read(near, &byte, 1), 1);
                   (void)answers.try_send(int{byte});
                 })));
    }
  }};
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(c.send(i, 10s));
    EXPECT_EQ(answers.recv(10s), i + 1);
    ASSERT_EQ(::write(far, "a", 1), 1);
    EXPECT_EQ(answers.recv(10s), 'a');
  }
  c.close();
}

TEST(ReadyOnThread, a_timeout_is_not_early) {
  auto [near, far] = pipe_pair();
  const deadline until{3ms};
  EXPECT_EQ(select(io::readable(near, must_not_run), on_timeout(until, nothing)), 1u);
  EXPECT_GE(steady_ns(), until.at);
  EXPECT_EQ(select(io::readable(near, must_not_run), otherwise(nothing)), 1u);
}

}  // namespace
}  // namespace weft::detail
