// One event of a trace: 120 bytes, of which an event of the runtime writes 32.
//
// What a span says is cut to fit: a name at 56 bytes, the key and the value of an attribute at 88 together.
// Nothing here points anywhere, so a record means the same when all that it tells of has gone.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::trace::detail {

enum class record_kind : std::uint8_t {
  none,
  // Of the runtime. `fiber`: whom it happens to, but where something else is said.
  spawn,     // fiber: the spawner; subject: the new one; text: its name, then where it was spawned
  run,       // begins (detail: 1) or goes on to run; text: its name
  park,      // detail: the park_reason
  yield,     // stays ready
  preempt,   // was made to yield
  end,       // will not run again
  wake,      // fiber: who wakes; subject: who may go on
  steal,     // number: how many unstarted fibers; subject: the index of the worker that had them
  submit,    // subject: the operation's address; detail: its code; number: the descriptor
  complete,  // the same; number: the result, or -errno; key_length: 1 if it goes on
  // Of spans. subject: the span's id.
  span_begin,  // ids and name; detail: the span_kind
  span_end,    // the same, so that a span whose beginning was overwritten is known; number: 1 if it failed
  span_event,  // text: its name
  attribute,   // text: its key; detail: the value_kind; then its value
  status       // text: why it failed
};

/// Bytes of an attribute's key: a number behind it always has room.
inline constexpr std::size_t key_max = 80;

/// What an attribute's value is.
enum class value_kind : std::uint8_t { text, integer, real, boolean };

/// What a span is known by, besides its id.
struct span_identity {
  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t parent = 0;
  std::int64_t start = 0;
};

struct record {
  static constexpr std::size_t tail_size = 88;
  static constexpr std::size_t name_size = tail_size - sizeof(span_identity);

  std::int64_t time = 0;  // CLOCK_MONOTONIC, ns
  record_kind kind = record_kind::none;
  std::uint8_t detail = 0;
  std::uint8_t key_length = 0;  // of the first of two texts
  std::uint8_t length = 0;      // bytes of the tail that mean something
  std::uint32_t number = 0;
  std::uint64_t fiber = 0;  // 0: a foreign thread, or weft's own code
  std::uint64_t subject = 0;
  std::array<char, tail_size> tail{};

  /// Appends what fits.
  void append(std::string_view text) noexcept {
    const std::size_t n = text.copy(tail.data() + length, tail_size - length);
    length = static_cast<std::uint8_t>(length + n);
  }

  template <class T>
  void append_raw(const T& value) noexcept {
    append({reinterpret_cast<const char*>(&value), sizeof value});
  }

  std::string_view text(std::size_t from = 0) const noexcept {
    return {tail.data() + from, static_cast<std::size_t>(length) - from};
  }

  /// Of a tail that has one there.
  template <class T>
  T raw(std::size_t from = 0) const noexcept {
    T value;
    std::memcpy(&value, tail.data() + from, sizeof value);
    return value;
  }
};

static_assert(sizeof(record) == 120);

}  // namespace weft::trace::detail
