// Regions run without preemption: on processors whose signal frames nobody has looked at yet.
#include <weft/runtime/preempt/side_buffer.hpp>
#include <weft/runtime/preempt/switch_out.hpp>

namespace weft::detail {

std::size_t side_buffer::wanted() noexcept { return 0; }

bool switch_out(ucontext_t&, fiber&, side_buffer&) noexcept { return false; }

void note_environment() noexcept {}

}  // namespace weft::detail
