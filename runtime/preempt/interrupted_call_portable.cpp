#include <weft/runtime/preempt/interrupted_call.hpp>

namespace weft::detail {

void begin_again(ucontext_t&) noexcept {}  // its first argument is lost

}  // namespace weft::detail
