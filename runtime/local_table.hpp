// Where the values of fiber_local stand: a table per fiber, and per foreign thread, that is made with the
// first value.
//
// A variable has an index, which is used again when it has gone, and an id, which is not. A value stands in
// the table at the index of its variable and carries the id, so what a variable has left behind in fibers
// that still live is known as such: whoever gets the index replaces it. Only its own fiber touches a table,
// but for inheritance, which reads the spawner's and fills the one of a fiber that has not started.
#pragma once

#include <cstdint>
#include <vector>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/thread_state.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

struct local_value;

struct local_operations {
  void (*destroy)(local_value& self) noexcept;        // and frees
  local_value* (*copy)(const local_value& original);  // null: is not inherited
};

/// The head of a value on the heap.
struct local_value {
  const local_operations* operations;
  std::uint64_t id;
  std::uint32_t index;
  local_value* older = nullptr;
};

/// What a variable is known by.
struct local_key {
  std::uint64_t id;
  std::uint32_t index;
};

local_key take_local_key();
void give_local_key(const local_key& key) noexcept;

class local_table {
 public:
  local_table() = default;
  local_table(const local_table&) = delete;
  local_table& operator=(const local_table&) = delete;
  ~local_table() { clear(); }

  local_value* find(const local_key& key) const noexcept {
    if (key.index >= at_.size()) return nullptr;
    local_value* const v = at_[key.index];
    return v != nullptr && v->id == key.id ? v : nullptr;
  }

  /// Makes room at that index, by throwing out what a variable that has gone has left there.
  void make_room(const local_key& key);

  /// Takes `v` in, where make_room() was called.
  void add(local_value& v) noexcept;

  /// Destroys a value that is here.
  void remove(local_value& v) noexcept;

  /// Destroys all, newest first, those too that destructors add.
  void clear() noexcept;

  /// Takes copies of what is to be inherited. True: there was some.
  bool copy_from(const local_table& spawner);

 private:
  bool unlink(const local_value& v) noexcept;

  std::vector<local_value*> at_;
  local_value* newest_ = nullptr;
};

/// The table of the calling fiber or foreign thread; null: it has no values.
WEFT_ALWAYS_INLINE local_table* find_locals() noexcept {
  const worker* const here = worker::current();
  if (here == nullptr) return this_thread.locals;
  const fiber* const self = here->running();
  WEFT_ASSERT(self != nullptr, "a fiber_local was used where no fiber runs (on_thread_stack, a completion)");
  return self->has_locals ? self->locals : nullptr;
}

/// The same; makes it.
local_table& make_locals();

/// From now on the fibers that the calling one spawns look for something to inherit.
void bequeath() noexcept;

/// Ends the values of a fiber, on that fiber, or those of one that does not come to life.
void destroy_locals(fiber& f) noexcept;

/// The same, if there are any: when nothing else of the user's runs on the fiber any more, for moving a
/// result, too, may have asked for one. Their destructors may wait, and who waits looks at `scopes`:
/// `outcome`, which lies in the same place, comes after.
inline void end_locals(fiber& self) noexcept {
  if (self.has_locals) [[unlikely]]
    destroy_locals(self);
}

/// Ends those of the calling foreign thread. At the end of a thread, by itself.
void destroy_locals_of_thread() noexcept;

/// Whether a fiber may have something for a fiber that it spawns. What weft itself spawns (null) inherits
/// nothing.
WEFT_ALWAYS_INLINE bool bequeaths(const fiber* spawner) noexcept {
  return spawner != nullptr && spawner->bequeaths;
}

/// The same of who calls, fiber or thread.
WEFT_ALWAYS_INLINE bool spawner_bequeaths() noexcept {
  const worker* const here = worker::current();
  return here == nullptr ? this_thread.locals != nullptr : bequeaths(here->running());
}

/// Gives `child`, which has no body yet, copies of what its spawner bequeaths. Throws what copying throws.
void inherit_locals(fiber& child);

}  // namespace weft::detail
