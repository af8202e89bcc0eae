#include <weft/runtime/unwinder.hpp>

#include <exception>
#include <stdexcept>
#include <string>

#include <unwind.h>

#include <weft/runtime/base/platform.hpp>

namespace weft::detail {
namespace {

struct rehearsal : std::runtime_error {
  using runtime_error::runtime_error;
};

WEFT_NOINLINE void throws() {
  const std::string destroyed_on_the_way(100, ' ');  // so that the unwinder resumes after a destructor
  asm volatile("" : : "r"(destroyed_on_the_way.data()) : "memory");
  throw rehearsal{"weft rehearses"};
}

WEFT_NOINLINE void throws_again() {
  try {
    throws();
  } catch (const std::runtime_error&) {
    throw;
  }
}

_Unwind_Reason_Code see_frame(_Unwind_Context* frame, void* seen) noexcept {
  *static_cast<_Unwind_Ptr*>(seen) ^= _Unwind_GetIP(frame);
  return _URC_NO_REASON;
}

// What a fiber's root does with an exception, and a join: keeps it, and throws it elsewhere.
bool rehearse() noexcept {
  std::exception_ptr kept;
  try {
    throws_again();
  } catch (const std::exception&) {
    kept = std::current_exception();
  }
  try {
    std::rethrow_exception(kept);
  } catch (const rehearsal&) {
    kept = nullptr;
  }
  _Unwind_Ptr seen = 0;
  _Unwind_Backtrace(see_frame, &seen);
  return true;
}

}  // namespace

void prepare_unwinder() noexcept { [[maybe_unused]] static const bool once = rehearse(); }

}  // namespace weft::detail
