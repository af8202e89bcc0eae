// A fiber that belongs to a scope and has no handle: what a nursery and a join_set spawn.
//
// Owner is what the child reports its end to:
//
//   stop_group& group()
//   void child_ended(fiber& self, std::exception_ptr, std::error_code) noexcept    the last thing it hears
#pragma once

#include <exception>
#include <source_location>
#include <system_error>
#include <utility>

#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/local_table.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/stop_group.hpp>

namespace weft::detail {

template <class Owner, class F>
struct child {
  Owner* owner;
  F f;
};

/// Runs `f` as a member of `group`, and ends the fiber's locals: the owner is about to hear of the end. Gives
/// what `f` has thrown.
template <class F>
std::exception_ptr call_member(fiber& self, stop_group& group, F&& f) noexcept {
  std::exception_ptr thrown;
  self.scopes = nullptr;
  const member_scope scope{self, group};
  try {
    f();
  } catch (...) {  // root: kept for who joins
    thrown = std::current_exception();
  }
  end_locals(self);
  return thrown;
}

// The root of the stack of a nursery's child. The callable and its captures are gone before the owner hears
// of the end.
template <class Owner, class F>
void run_child(fiber& self) noexcept {
  using callable = child<Owner, F>;
  Owner& owner = *stored<callable>::get(self).owner;
  std::error_code error;
  std::exception_ptr thrown = call_member(self, owner.group(), [&] {
    const callable_owner<callable> last{self};
    if constexpr (std::is_void_v<returns_t<F>>) {
      call_body(stored<callable>::get(self).f, self);
    } else if (const auto r = call_body(stored<callable>::get(self).f, self); !r) {
      error = r.error();
    }
  });
  self.outcome = nullptr;
  owner.child_ended(self, std::move(thrown), error);
}

/// A fiber that `body` makes of `callable`, runnable. `control`: its state to begin with. If that throws, no
/// fiber was made.
template <class Stored>
void spawn_child(scheduler& of, Stored&& callable, void (*body)(fiber&) noexcept, const spawn_options& o,
                 std::source_location site, deadline until, std::uint64_t control) {
  heed_slice();
  worker* const here = worker::current();
  const bool simple =
      here != nullptr && &here->owner() == &of && !here->watches_spawns() && !o.worker.has_value();
  unborn made{simple ? new_fiber_here(*here, o, site) : new_fiber(of, o, site)};
  if (spawner_bequeaths()) [[unlikely]]
    inherit_locals(*made);
  stored<std::decay_t<Stored>>::create(*made, std::forward<Stored>(callable));
  fiber& f = *made.release();
  f.body = body;
  f.until = until;
  f.control.store(control | fiber::attention, std::memory_order_relaxed);
  if (simple) [[likely]]
    here->start_later(f);
  else submit_fiber(f, o);
}

}  // namespace weft::detail
