// Transfers on both backends: every kind of end to every other, by every way, refused and forced ones
// included; and all that may come between.
#include "file_fixture.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include <resource_limit.hpp>
#include <weft/io/io.hpp>
#include <weft/io/process.hpp>
#include <weft/io/transfer.hpp>
#include <weft/runtime/spawn.hpp>

namespace weft::detail {
namespace {

class Transfer : public OnFiles {
 protected:
  /// A file of zeroes that are nowhere yet, neither on the disk nor in memory.
  io::file sparse(std::string_view name, std::uint64_t size) const {
    io::file made = io::file::open(path(name), O_RDWR | O_CREAT | O_EXCL).value();
    EXPECT_TRUE(made.truncate(size));
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(backends, Transfer, testing::Values(backend::uring, backend::epoll), backend_name);

using io::file;
using io::transfer_end;
using io::transfer_result;
using io::transfer_way;
using process::pipe_end;

constexpr std::array ways{transfer_way::none, transfer_way::sendfile, transfer_way::splice,
                          transfer_way::copy_file_range, transfer_way::copying};

enum class medium : std::uint8_t { file, pipe, tcp, local };
constexpr std::array media{medium::file, medium::pipe, medium::tcp, medium::local};

bool is_socket(medium m) { return m == medium::tcp || m == medium::local; }

std::string pattern(std::size_t size) {
  std::string out(size, ' ');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + (i >> 8) * 7);
  return out;
}

owned_fd nameless_file() { return owned_fd{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)}; }

/// near: what a transfer gets; far: the other end, if it has one.
fd_pair place(medium m, bool near_reads) {
  if (m == medium::file) return {nameless_file(), owned_fd{}};
  if (m == medium::tcp) return tcp_pair();
  if (m == medium::local) return socket_pair();
  fd_pair made = pipe_pair();
  if (!near_reads) std::swap(made.near, made.far);
  return made;
}

std::string all_of(int fd) {
  std::string all;
  std::vector<char> part(70'000);
  for (;;) {
    const auto got = io::read(fd, bytes_of(part));
    if (!got || *got == 0) return all;
    all.append(part.data(), *got);
  }
}

void write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = io::write(fd, text);
    ASSERT_TRUE(wrote) << wrote.error().message();
    text.remove_prefix(*wrote);
  }
}

transfer_way expected_way(medium from, medium to, transfer_way by) {
  const bool files = from == medium::file && to == medium::file;
  const bool sends = from == medium::file && to != medium::pipe;
  switch (by) {
    case transfer_way::none:
      return files ? transfer_way::copy_file_range : sends ? transfer_way::sendfile : transfer_way::splice;
    case transfer_way::sendfile: return sends ? by : transfer_way::copying;
    case transfer_way::copy_file_range: return files ? by : transfer_way::copying;
    default: return by;
  }
}

// --- what arrives

TEST_P(Transfer, carries_everything_from_everywhere_to_everywhere_by_every_way) {
  const std::string text = pattern(300'001);
  run(2, [&] {
    for (const medium from : media) {
      for (const medium to : media) {
        for (const transfer_way by : ways) {
          SCOPED_TRACE(testing::Message() << "from " << static_cast<int>(from) << " to "
                                          << static_cast<int>(to) << " by " << io::to_string(by));
          fd_pair source = place(from, true), target = place(to, false);
          std::string got;
          auto feeder = spawn([&] {
            write_whole(from == medium::file ? source.near : source.far, text);
            source.far.reset();
          });
          if (from == medium::file) {
            feeder.join();
            ::lseek(source.near, 0, SEEK_SET);
          }
          auto collector = spawn([&] {
            if (to != medium::file) got = all_of(target.far);
          });
          const transfer_result r = io::transfer(int{source.near}, int{target.near}, io::to_the_end, 20s, by);
          ASSERT_TRUE(r) << r.error().message();
          EXPECT_EQ(r->bytes, text.size());
          EXPECT_EQ(r->taken, text.size());
          EXPECT_STREQ(io::to_string(r->way), io::to_string(expected_way(from, to, by)));
          if (to == medium::file) {
            ::lseek(target.near, 0, SEEK_SET);
            got = all_of(target.near);
          }
          target.near.reset();
          if (feeder.joinable()) feeder.join();
          collector.join();
          EXPECT_TRUE(got == text) << got.size();
        }
      }
    }
  });
}

TEST_P(Transfer, moves_n_bytes_and_leaves_the_rest) {
  run(1, [&] {
    for (const medium from : media) {
      fd_pair source = place(from, true), target = place(medium::file, false);
      write_whole(from == medium::file ? source.near : source.far, "0123456789");
      if (from == medium::file) ::lseek(source.near, 0, SEEK_SET);
      const transfer_end in{int{source.near}}, out{int{target.near}};
      EXPECT_EQ(io::transfer(in, out, 0)->bytes, 0u);
      EXPECT_EQ(io::transfer(in, out, 4, 5s)->bytes, 4u);
      EXPECT_EQ(io::transfer(in, out, 3, 5s)->bytes, 3u);
      char rest[10];
      EXPECT_EQ(io::read(source.near, bytes_of(rest)).value(), 3u);
      EXPECT_EQ(std::string_view(rest, 3), "789");
      ::lseek(target.near, 0, SEEK_SET);
      EXPECT_EQ(all_of(target.near), "0123456");
    }
  });
}

TEST_P(Transfer, an_offset_leaves_the_files_own_position_alone) {
  make("in", "0123456789");
  run(1, [&] {
    for (const transfer_way by : ways) {
      file in = file::open(path("in")).value();
      file out = file::open(path("out"), O_RDWR | O_CREAT | O_TRUNC).value();
      ASSERT_TRUE(out.write_all(std::string_view{"..............."}));
      ASSERT_TRUE(in.seek(2));
      ASSERT_TRUE(out.seek(1));
      const auto at_offsets = io::transfer({in, 5}, {out, 10}, 3, 5s, by);
      ASSERT_TRUE(at_offsets) << at_offsets.error().message();
      EXPECT_EQ(at_offsets->bytes, 3u);
      EXPECT_EQ(in.seek(0, SEEK_CUR).value(), 2u);
      EXPECT_EQ(out.seek(0, SEEK_CUR).value(), 1u);
      EXPECT_EQ(io::transfer(in, out, 3, 5s, by)->bytes, 3u);
      EXPECT_EQ(in.seek(0, SEEK_CUR).value(), 5u);
      EXPECT_EQ(out.seek(0, SEEK_CUR).value(), 4u);
      EXPECT_EQ(content("out"), ".234......567..");
    }
    auto [read_end, write_end] = pipe_pair();
    file in = file::open(path("in")).value();
    EXPECT_EQ(io::transfer(in, {int{write_end}, 3}).error(), std::errc::invalid_seek);
  });
}

TEST_P(Transfer, the_named_ways_say_so_when_they_had_to_copy) {
  make("in", "0123456789");
  run(1, [&] {
    file in = file::open(path("in")).value(), out = file::temporary().value();
    auto [near, far] = socket_pair();
    auto [read_end, write_end] = pipe_pair();
    EXPECT_EQ(io::sendfile({in, 0}, int{near})->way, transfer_way::sendfile);
    EXPECT_EQ(io::sendfile({in, 0}, int{write_end})->way, transfer_way::copying);
    EXPECT_EQ(io::splice(int{read_end}, int{near}, 10)->way, transfer_way::splice);
    EXPECT_EQ(io::splice(int{near}, int{near}, 0)->way, transfer_way::none);
    EXPECT_EQ(io::copy_file_range({in, 0}, {out, 0})->way, transfer_way::copy_file_range);
    EXPECT_EQ(io::copy_file_range({in, 0}, int{near})->way, transfer_way::copying);
    std::array<char, 30> got;
    EXPECT_EQ(io::recv(far, bytes_of(got), MSG_WAITALL).value(), 30u);
    EXPECT_EQ(std::string_view(got.data(), 30), "012345678901234567890123456789");
  });
}

// copy_file_range and sendfile refuse a target that is appended to, and give nothing of a file in /proc.
TEST_P(Transfer, what_the_kernel_refuses_is_copied) {
  make("in", "0123456789");
  make("log", "before ");
  run(1, [&] {
    file in = file::open(path("in")).value();
    file log = file::open(path("log"), O_WRONLY | O_APPEND).value();
    const auto appended = io::transfer(in, log, io::to_the_end, 5s);
    ASSERT_TRUE(appended) << appended.error().message();
    EXPECT_EQ(appended->way, transfer_way::copying);
    EXPECT_EQ(content("log"), "before 0123456789");

    file made_when_read = file::open("/proc/self/status").value(), out = file::temporary().value();
    const auto copied = io::transfer(made_when_read, out, io::to_the_end, 5s);
    ASSERT_TRUE(copied) << copied.error().message();
    EXPECT_GT(copied->bytes, 100u);
    EXPECT_EQ(out.size().value(), copied->bytes);

    file null = file::open("/dev/null", O_WRONLY).value();
    EXPECT_EQ(io::transfer({in, 0}, null)->way, transfer_way::copying);
  });
}

TEST_P(Transfer, without_a_descriptor_for_a_pipe_it_copies) {
  run(1, [&] {
    auto source = socket_pair(), target = socket_pair();
    write_whole(source.far, "0123456789");
    source.far.reset();
    weft_test::resource_limit none{RLIMIT_NOFILE, 3};
    const auto r = io::transfer(int{source.near}, int{target.near}, io::to_the_end, 5s);
    none.lift();
    ASSERT_TRUE(r) << r.error().message();
    EXPECT_EQ(r->bytes, 10u);
    EXPECT_EQ(r->way, transfer_way::copying);
  });
}

TEST_P(Transfer, the_pipe_between_is_used_again_if_it_was_emptied) {
  run(1, [&] {
    idle_pipes& kept = worker::current()->io().pipes();
    auto source = socket_pair(), target = socket_pair();
    const transfer_end in{int{source.near}}, out{int{target.near}};
    for (int i = 0; i < 3; ++i) {
      write_whole(source.far, "0123456789");
      EXPECT_EQ(io::transfer(in, out, 10, 5s)->bytes, 10u);
      EXPECT_EQ(kept.count(), 1u);
    }
    target.far.reset();
    write_whole(source.far, "0123456789");
    const auto lost = io::transfer(in, out, 10, 5s);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error(), std::errc::broken_pipe);
    EXPECT_EQ(lost.error().moved.taken, 10u);
    EXPECT_EQ(lost.error().moved.bytes, 0u);
    EXPECT_EQ(kept.count(), 0u);
  });
}

// --- what is refused

TEST_P(Transfer, ranges_of_one_file_that_overlap_are_refused_untouched) {
  run(1, [&] {
    for (const transfer_way by : ways) {
      make("f", "0123456789");
      file f = file::open(path("f"), O_RDWR).value(), same = file::open(path("f"), O_RDWR).value();
      EXPECT_EQ(io::transfer({f, 0}, {same, 3}, 4, {}, by).error(), std::errc::invalid_argument);
      EXPECT_EQ(io::transfer({f, 3}, {same, 0}, 4, {}, by).error(), std::errc::invalid_argument);
      EXPECT_EQ(io::transfer(f, same, io::to_the_end, {}, by).error(), std::errc::invalid_argument);
      EXPECT_EQ(content("f"), "0123456789");
      EXPECT_EQ(io::transfer({f, 0}, {same, 4}, 4, 5s, by)->bytes, 4u);
      EXPECT_EQ(content("f"), "0123012389");
      // To its own end: what it had, and not for ever.
      EXPECT_EQ(io::transfer({f, 0}, {same, 10}, io::to_the_end, 5s, by)->bytes, 10u);
      EXPECT_EQ(content("f"), "01230123890123012389");
    }
  });
}

// What refuses pages and copies alike has taken from the source by then: an end, and no reason to go on.
TEST_P(Transfer, a_target_that_takes_nothing_is_an_error_and_not_the_end_of_the_source) {
  make("out");
  run(1, [&] {
    const file read_only = file::open(path("out")).value();
    for (const std::uint64_t n : {std::uint64_t{10}, io::to_the_end}) {
      auto [near, far] = socket_pair();
      write_whole(far, "0123456789");
      far.reset();
      const auto r = io::transfer(int{near}, read_only.native_handle(), n, 5s);
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(r.error().moved.taken, 10u);
      EXPECT_EQ(r.error().moved.bytes, 0u);
    }
  });
}

TEST_P(Transfer, a_pipe_into_itself_is_refused) {
  run(1, [&] {
    auto [read_end, write_end] = pipe_pair();
    write_whole(write_end, "0123456789");
    const auto r = io::transfer(int{read_end}, int{write_end}, io::to_the_end, 5s);
    EXPECT_EQ(r.error(), std::errc::invalid_argument);
  });
}

TEST_P(Transfer, what_is_closed_or_no_descriptor_says_so) {
  make("in", "0123456789");
  run(1, [&] {
    file in = file::open(path("in")).value(), closed;
    pipe_end none;
    EXPECT_EQ(io::transfer(closed, in).error(), errc::closed);
    EXPECT_EQ(io::transfer(in, closed).error(), errc::closed);
    EXPECT_EQ(io::transfer(in, none).error(), errc::closed);
    EXPECT_EQ(io::transfer(none, in).error(), errc::closed);
    EXPECT_EQ(io::transfer(-1, in).error(), std::errc::bad_file_descriptor);
    make("other");
    const file read_only = file::open(path("other")).value();
    EXPECT_EQ(io::transfer(in, read_only.native_handle()).error(), std::errc::bad_file_descriptor);
  });
}

// --- ended before it is done

TEST_P(Transfer, a_deadline_tells_how_far_it_got_and_the_next_one_goes_on_there) {
  constexpr std::uint64_t size = 8 << 20;
  for (const transfer_way by : {transfer_way::sendfile, transfer_way::copying}) {
    run(1, [&] {
      file in = sparse(io::to_string(by), size);
      auto [near, far] = socket_pair();
      const auto first = io::transfer(in, int{near}, io::to_the_end, 5ms, by);
      ASSERT_FALSE(first);
      EXPECT_EQ(first.error(), errc::deadline_exceeded);
      const io::transferred moved = first.error().moved;
      EXPECT_GT(moved.bytes, 0u);
      EXPECT_LT(moved.bytes, size);
      EXPECT_EQ(in.seek(0, SEEK_CUR).value(), moved.taken);
      std::string got;
      auto reader = spawn([&] { got = all_of(far); });
      const auto second = io::transfer({in, moved.bytes}, int{near}, io::to_the_end, 20s, by);
      ASSERT_TRUE(second) << second.error().message();
      EXPECT_EQ(second->bytes, size - moved.bytes);
      near.reset();
      reader.join();
      EXPECT_EQ(got.size(), size);
    });
  }
}

TEST_P(Transfer, a_deadline_that_has_passed_moves_what_can_be_moved_at_once) {
  make("in", "0123456789");
  run(1, [&] {
    file in = file::open(path("in")).value();
    char once[10];  // so that it is in memory
    ASSERT_TRUE(in.pread_exactly(bytes_of(once), 0));
    auto [near, far] = socket_pair();
    EXPECT_EQ(io::transfer(in, int{near}, 10, deadline::past())->bytes, 10u);
    auto [read_end, write_end] = pipe_pair();
    const auto empty = io::transfer(int{read_end}, int{near}, 10, deadline::past());
    EXPECT_EQ(empty.error(), errc::deadline_exceeded);
  });
}

TEST_P(Transfer, a_stop_ends_it_while_it_waits_for_either_end) {
  for (const transfer_way by : {transfer_way::none, transfer_way::copying}) {
    run(1, [&] {
      file endless = file::open("/dev/zero").value(), null = file::open("/dev/null", O_WRONLY).value();
      file in = sparse(io::to_string(by), 4 << 20);
      auto [read_end, write_end] = pipe_pair();
      auto [near, far] = socket_pair();
      auto waits_for_source = spawn([&]() -> result<void> {
        WEFT_TRY(io::transfer(int{read_end}, int{near}, io::to_the_end, {}, by));
        return {};
      });
      io::transferred moved;
      auto waits_for_target = spawn([&]() -> result<void> {
        const auto r = io::transfer(in, int{far}, io::to_the_end, {}, by);
        if (!r) moved = r.error().moved;
        WEFT_TRY(r);
        return {};
      });
      (void)this_fiber::sleep_for(10ms);
      waits_for_source.request_stop();
      waits_for_target.request_stop();
      EXPECT_EQ(waits_for_source.join().error(), errc::canceled);
      EXPECT_EQ(waits_for_target.join().error(), errc::canceled);
      EXPECT_GT(moved.bytes, 0u);
      // One that never waits hears of it as well.
      auto never_waits = spawn([&]() -> result<void> {
        WEFT_TRY(io::transfer(endless, null, io::to_the_end, {}, by));
        return {};
      });
      (void)this_fiber::sleep_for(1ms);
      never_waits.request_stop();
      EXPECT_EQ(never_waits.join().error(), errc::canceled);
    });
  }
}

TEST_P(Transfer, close_of_either_end_ends_it) {
  for (const unsigned workers : {1u, 3u}) {
    for (const bool closes_source : {false, true}) {
      for (const bool waits_for_source : {false, true}) {
        run(workers, [&] {
          auto [read_end, write_end] = pipe_pair();
          auto [full_read, full_write] = pipe_pair();
          if (!waits_for_source) {
            const std::string filling(1 << 16, 'f');
            write_whole(write_end, filling);
            write_whole(full_write, filling);
          }
          pipe_end source{read_end.release()}, target{full_write.release()};
          transfer_result r;
          auto moves = spawn([&] { r = io::transfer(source, target, io::to_the_end, 20s); });
          (void)this_fiber::sleep_for(2ms);
          auto closes = spawn([&] { (closes_source ? source : target).close(); }, {.worker = workers - 1});
          closes.join();
          moves.join();
          ASSERT_FALSE(r);
          EXPECT_EQ(r.error(), errc::closed);
        });
      }
    }
  }
}

// The file is not what is waited for, and its close() does not wait for the peer of the socket.
TEST_P(Transfer, close_of_a_file_ends_it_while_it_waits_for_a_socket) {
  run(3, [&] {
    file in = sparse("in", 4 << 20);
    auto [near, far] = socket_pair();
    transfer_result r;
    auto moves = spawn([&] { r = io::transfer(in, int{near}, io::to_the_end, 20s); });
    (void)this_fiber::sleep_for(5ms);
    EXPECT_TRUE(in.close());
    moves.join();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::closed);
    EXPECT_GT(r.error().moved.bytes, 0u);
  });
}

TEST_P(Transfer, a_receiver_that_closes_is_an_error_and_no_signal) {
  std::signal(SIGPIPE, SIG_DFL);
  for (const transfer_way by : ways) {
    for (const medium to : {medium::pipe, medium::tcp, medium::local}) {
      run(2, [&] {
        file in = sparse("in", 64 << 20);
        fd_pair target = place(to, false);
        auto reader = spawn([&] {
          char some[1000];
          EXPECT_TRUE(io::read(target.far, bytes_of(some)));
          (void)this_fiber::sleep_for(1ms);
          target.far.reset();
        });
        const auto r = io::transfer(in, int{target.near}, io::to_the_end, 20s, by);
        reader.join();
        ASSERT_FALSE(r) << r->bytes;
        EXPECT_TRUE(r.error() == std::errc::broken_pipe || r.error() == std::errc::connection_reset)
            << r.error().message();
        EXPECT_GT(r.error().moved.bytes, 0u);
        EXPECT_LT(r.error().moved.bytes, 64u << 20);
      });
      std::filesystem::remove(path("in"));
    }
  }
}

TEST_P(Transfer, a_file_that_is_truncated_meanwhile_just_ends) {
  for (const transfer_way by : {transfer_way::none, transfer_way::splice, transfer_way::copying}) {
    run(1, [&] {
      file in = sparse(io::to_string(by), 8 << 20);
      auto [near, far] = socket_pair();
      std::string got;
      auto reader = spawn([&] {
        (void)this_fiber::sleep_for(5ms);
        EXPECT_TRUE(in.truncate(100));
        got = all_of(far);
      });
      const auto r = io::transfer(in, int{near}, 8 << 20, 20s, by);
      ASSERT_TRUE(r) << r.error().message();
      EXPECT_GT(r->bytes, 100u);
      EXPECT_LT(r->bytes, 8u << 20);
      near.reset();
      reader.join();
      EXPECT_EQ(got.size(), r->bytes);
    });
  }
}

TEST_P(Transfer, a_full_disk_is_an_error_after_what_fitted) {
  const std::string text = pattern(256 << 10);
  for (const transfer_way by : ways) {
    const int mounted = small_disk(64 << 10);
    if (mounted < 0) GTEST_SKIP() << "may not mount";
    const owned_fd disk{mounted};
    make("in", text);
    run(1, [&] {
      file in = file::open(path("in")).value();
      file out = file::open("f", O_RDWR | O_CREAT, {.directory = disk}).value();
      const auto r = io::transfer(in, out, io::to_the_end, 20s, by);
      ASSERT_FALSE(r) << io::to_string(by);
      EXPECT_EQ(r.error(), std::errc::no_space_on_device) << io::to_string(by);
      EXPECT_EQ(r.error().moved.bytes, 64u << 10);
    });
  }
}

// --- turns

TEST_P(Transfer, two_to_the_same_stream_do_not_mix) {
  constexpr std::size_t size = 400'000;
  make("a", std::string(size, 'a'));
  make("b", std::string(size, 'b'));
  run(2, [&] {
    auto [read_end, write_end] = pipe_pair();
    pipe_end target{write_end.release()};
    const auto send = [&](std::string_view name) {
      file in = file::open(path(name)).value();
      EXPECT_EQ(io::transfer(in, target, io::to_the_end, 20s)->bytes, size);
    };
    auto a = spawn([&] { send("a"); }, {.worker = 0}), b = spawn([&] { send("b"); }, {.worker = 1});
    auto ends = spawn([&] {
      a.join();
      b.join();
      target.close();
    });
    const std::string got = all_of(read_end);
    ends.join();
    ASSERT_EQ(got.size(), 2 * size);
    EXPECT_EQ(std::ranges::count(got.substr(0, size), got[0]), std::ssize(got) / 2);
    EXPECT_EQ(std::ranges::count(got, 'a'), std::ssize(got) / 2);
  });
}

TEST_P(Transfer, both_directions_of_one_stream_at_once) {
  run(1, [&] {
    auto [near, far] = socket_pair();
    write_whole(far, "echo");
    ASSERT_EQ(::shutdown(far, SHUT_WR), 0);
    EXPECT_EQ(io::transfer(int{near}, int{near}, io::to_the_end, 5s)->bytes, 4u);
    char back[4];
    EXPECT_EQ(io::recv(far, bytes_of(back)).value(), 4u);
    EXPECT_EQ(std::string_view(back, 4), "echo");
  });
}

// --- tee

TEST_P(Transfer, tee_leaves_the_bytes_where_they_are) {
  run(1, [&] {
    auto [read_end, write_end] = pipe_pair();
    auto [copy_read, copy_write] = pipe_pair();
    auto [near, far] = socket_pair();
    file out = file::temporary().value();
    const int source = read_end;
    write_whole(write_end, "0123456789");
    const auto to_pipe = io::tee(source, int{copy_write}, 6, 5s);
    ASSERT_TRUE(to_pipe) << to_pipe.error().message();
    EXPECT_EQ(to_pipe->bytes, 6u);
    EXPECT_EQ(to_pipe->taken, 0u);
    EXPECT_EQ(to_pipe->way, transfer_way::tee);
    EXPECT_EQ(io::tee(source, int{near})->bytes, 10u);
    EXPECT_EQ(io::tee(source, {out, 0}, 3)->bytes, 3u);
    file null = file::open("/dev/null", O_WRONLY).value();
    EXPECT_EQ(io::tee(source, null)->way, transfer_way::copying) << "a device might block";
    char got[16];
    EXPECT_EQ(io::read(copy_read, bytes_of(got)).value(), 6u);
    EXPECT_EQ(io::recv(far, bytes_of(got)).value(), 10u);
    EXPECT_EQ(std::string_view(got, 10), "0123456789");
    EXPECT_EQ(out.size().value(), 3u);
    EXPECT_EQ(io::read(source, bytes_of(got)).value(), 10u);
    EXPECT_EQ(io::tee(source, int{copy_write}, 6, 3ms).error(), errc::deadline_exceeded);
    write_end.reset();
    EXPECT_EQ(io::tee(source, int{copy_write})->bytes, 0u);
    EXPECT_EQ(io::tee(out, int{copy_write}).error(), std::errc::invalid_argument);
  });
}

// --- foreign threads

TEST_P(Transfer, a_foreign_thread_does_the_same) {
  std::signal(SIGPIPE, SIG_DFL);
  const std::string text = pattern(50'000);
  make("in", text);
  run(1, [&] {
    std::thread{[&] {
      for (const medium to : media) {
        for (const transfer_way by : ways) {
          file in = file::open(path("in")).value();
          fd_pair target = place(to, false);
          const auto r = io::transfer(in, int{target.near}, io::to_the_end, 5s, by);
          ASSERT_TRUE(r) << r.error().message();
          EXPECT_EQ(r->bytes, text.size());
          if (to == medium::file) continue;
          std::string got(text.size(), ' ');
          const ssize_t n = is_socket(to) ? ::recv(target.far, got.data(), got.size(), MSG_WAITALL)
                                          : ::read(target.far, got.data(), got.size());
          EXPECT_EQ(n, std::ssize(text));
          EXPECT_TRUE(got == text);
          if (to == medium::tcp) continue;  // hears later that nobody is there
          target.far.reset();
          EXPECT_EQ(io::transfer({in, 0}, int{target.near}, io::to_the_end, 5s, by).error(),
                    std::errc::broken_pipe);
        }
      }
    }}.join();
  });
}

TEST_P(Transfer, a_foreign_thread_hears_that_either_end_is_closed) {
  run(1, [&] {
    for (const bool closes_source : {false, true}) {
      auto [read_end, write_end] = pipe_pair();
      pipe_end source{read_end.release()};
      file target = file::temporary().value();
      transfer_result r;
      std::atomic<bool> begun{false};
      std::thread waits{[&] {
        begun = true;
        r = io::transfer(source, target, io::to_the_end, 20s);
      }};
      while (!begun) this_fiber::yield();
      (void)this_fiber::sleep_for(5ms);
      if (closes_source) source.close();
      else EXPECT_TRUE(target.close());
      waits.join();
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error(), errc::closed);
    }
  });
}

}  // namespace
}  // namespace weft::detail
