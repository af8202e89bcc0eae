#include <weft/runtime/preempt/preemptible.hpp>

#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/preempt/checkpoint.hpp>

namespace weft::detail {
namespace {

fiber* running_here() noexcept {
  const worker* const here = worker::current();
  return here == nullptr ? nullptr : here->running();
}

void on_thread_stack_of(fiber& self, void (side_buffers::*what)() noexcept) noexcept {
  struct call {
    side_buffers& of;
    void (side_buffers::*what)() noexcept;
  } c{worker::current()->preemption().buffers, what};
  worker::current()->call_on_thread_stack(
      self,
      [](void* p) noexcept {
        const call& made = *static_cast<call*>(p);
        (made.of.*made.what)();
      },
      &c);
}

}  // namespace

preemptible_region::preemptible_region() noexcept
    : self_{running_here()}, before_{self_ == nullptr ? std::uint8_t{0} : self_->region.get()} {
  if (self_ == nullptr) return;
  if ((before_ & region_mark::open) == 0 && !worker::current()->preemption().buffers.enter())
    on_thread_stack_of(*self_, &side_buffers::reserve);
  self_->region.set(before_ | region_mark::open);
}

preemptible_region::~preemptible_region() {
  if (self_ == nullptr) return;
  self_->region.set(before_);
  if ((before_ & region_mark::open) == 0 && !worker::current()->preemption().buffers.leave())
    on_thread_stack_of(*self_, &side_buffers::shrink);
}

void slice_is_over() noexcept {
  fiber* const self = running_here();
  if (self == nullptr) return;  // weft's own code
  if (self->region.get() != region_mark::none) yield_in_region(*self);
  else worker::current()->yield();
}

void yield_in_region(fiber& self) noexcept {
  const std::uint8_t before = self.region.get();
  self.region.set(before | region_mark::guarded);
  worker::current()->yield();
  self.region.set(before);
}

}  // namespace weft::detail
