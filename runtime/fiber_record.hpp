// Who a fiber is, as seen by who is neither it nor its home worker.
#pragma once

#include <array>
#include <source_location>

#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// What does not change while a fiber lives.
struct fiber_record {
  fiber_state state;
  fiber_id id;
  std::source_location site;
  std::array<char, fiber::name_size> name;  // terminated
  std::uint8_t level;
  stack_class stack_size;
};

/// Reads it while the fiber may end, and its block be used again: so memory is read that others write, what
/// has changed in between is thrown away, and ThreadSanitizer is kept out of it. False: it does not live.
bool read_record(const fiber& f, fiber_record& out) noexcept;

/// Its id, be it that of the next by now.
fiber_id read_id(const fiber& f) noexcept;

}  // namespace weft::detail
