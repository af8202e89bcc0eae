// The simulator's atomic<T>: std::atomic's interface over a plain value, with a step before each operation.
//
// All simulated threads are fibers of one thread, so a plain value is enough, and every execution is an
// interleaving of whole operations (sequential consistency): the orders are accepted and ignored, they are
// ThreadSanitizer's part. Each operation knows where it was written, so that a trace can name it and a
// mutation can hit it. Size and alignment are std::atomic's.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include <sim/step.hpp>
#include <weft/runtime/base/deadline.hpp>

namespace weft::detail {

inline constexpr bool simulated = true;

template <class T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
  using where = std::source_location;
  using difference = std::conditional_t<std::is_pointer_v<T>, std::ptrdiff_t, T>;

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr atomic() noexcept : value_{} {}
  constexpr atomic(T value) noexcept : value_{value} {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  bool is_lock_free() const noexcept { return true; }

  T load(std::memory_order = std::memory_order_seq_cst, where site = where::current()) const noexcept {
    const step_verdict verdict = step(step_kind::load, &value_, site);
    T seen = value_;
    if (verdict == step_verdict::dropped) seen = from_bits(stale_value(&value_, bits(value_)));
    if (steps_report_values) report_values(&value_, bits(seen), bits(seen));
    return seen;
  }

  void store(T desired, std::memory_order = std::memory_order_seq_cst,
             where site = where::current()) noexcept {
    if (step(step_kind::store, &value_, site) == step_verdict::dropped) return;
    change(desired);
  }

  T exchange(T desired, std::memory_order = std::memory_order_seq_cst,
             where site = where::current()) noexcept {
    return modify(step_kind::exchange, site, [&](T) { return desired; });
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst,
                               where site = where::current()) noexcept {
    return compare(step_kind::compare_exchange, expected, desired, site);
  }
  bool compare_exchange_strong(T& expected, T desired, where site) noexcept {
    return compare(step_kind::compare_exchange, expected, desired, site);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order = std::memory_order_seq_cst,
                             std::memory_order = std::memory_order_seq_cst,
                             where site = where::current()) noexcept {
    return compare(step_kind::compare_exchange_weak, expected, desired, site);
  }

  T fetch_add(difference n, std::memory_order = std::memory_order_seq_cst,
              where site = where::current()) noexcept
    requires(std::integral<T> || std::is_pointer_v<T>)
  {
    return modify(step_kind::fetch, site, [&](T old) { return static_cast<T>(old + n); });
  }
  T fetch_sub(difference n, std::memory_order = std::memory_order_seq_cst,
              where site = where::current()) noexcept
    requires(std::integral<T> || std::is_pointer_v<T>)
  {
    return modify(step_kind::fetch, site, [&](T old) { return static_cast<T>(old - n); });
  }
  T fetch_and(T n, std::memory_order = std::memory_order_seq_cst, where site = where::current()) noexcept
    requires std::integral<T>
  {
    return modify(step_kind::fetch, site, [&](T old) { return static_cast<T>(old & n); });
  }
  T fetch_or(T n, std::memory_order = std::memory_order_seq_cst, where site = where::current()) noexcept
    requires std::integral<T>
  {
    return modify(step_kind::fetch, site, [&](T old) { return static_cast<T>(old | n); });
  }
  T fetch_xor(T n, std::memory_order = std::memory_order_seq_cst, where site = where::current()) noexcept
    requires std::integral<T>
  {
    return modify(step_kind::fetch, site, [&](T old) { return static_cast<T>(old ^ n); });
  }

  // Operators cannot take the place they are written at: these steps are named after this file.
  operator T() const noexcept { return load(); }
  T operator=(T desired) noexcept {
    store(desired);
    return desired;
  }
  T operator++() noexcept { return static_cast<T>(fetch_add(1) + 1); }
  T operator--() noexcept { return static_cast<T>(fetch_sub(1) - 1); }
  T operator++(int) noexcept { return fetch_add(1); }
  T operator--(int) noexcept { return fetch_sub(1); }
  T operator+=(difference n) noexcept { return static_cast<T>(fetch_add(n) + n); }
  T operator-=(difference n) noexcept { return static_cast<T>(fetch_sub(n) - n); }

 private:
  static std::uint64_t bits(T value) noexcept {
    std::uint64_t out = 0;
    std::memcpy(&out, &value, sizeof value);
    return out;
  }
  static T from_bits(std::uint64_t value) noexcept {
    T out;
    std::memcpy(&out, &value, sizeof out);
    return out;
  }

  void change(T desired) noexcept {
    if (steps_report_values) report_values(&value_, bits(value_), bits(desired));
    value_ = desired;
    after_change();  // touches nothing of this any more
  }

  template <class F>
  T modify(step_kind kind, const where& site, F after) noexcept {
    const step_verdict verdict = step(kind, &value_, site);
    const T old = value_;
    if (verdict == step_verdict::torn) step(kind, &value_, site);
    if (verdict != step_verdict::dropped) change(after(old));
    return old;
  }

  bool compare(step_kind kind, T& expected, T desired, const where& site) noexcept {
    const step_verdict verdict = step(kind, &value_, site);
    const T old = value_;
    const bool equal = std::memcmp(&old, &expected, sizeof old) == 0 && verdict != step_verdict::fail;
    if (!equal) {
      if (steps_report_values) report_values(&value_, bits(old), bits(old));
      expected = old;
      return false;
    }
    if (verdict == step_verdict::torn) step(kind, &value_, site);
    if (verdict != step_verdict::dropped) change(desired);
    return true;
  }

  alignas(sizeof(T)) T value_;
};

inline void fence(std::memory_order, std::source_location site = std::source_location::current()) noexcept {
  step(step_kind::fence, nullptr, site);
}

/// Lets other threads run before it returns, and time pass if all do nothing but pause.
inline void spin_pause(std::source_location site = std::source_location::current()) noexcept {
  step(step_kind::pause, nullptr, site);
}

bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until,
                std::source_location site = std::source_location::current()) noexcept;
void futex_wake(const atomic<std::uint32_t>* word, int count,
                std::source_location site = std::source_location::current()) noexcept;

}  // namespace weft::detail
