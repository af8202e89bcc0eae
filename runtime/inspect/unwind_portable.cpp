// Other processors: reports without backtraces.
#include <weft/runtime/inspect/unwind.hpp>

namespace weft::detail {

const boost_frame jump_frame{};

suspended_registers registers_of(const context&) noexcept { return {}; }

std::size_t backtrace_of(const context&, std::span<std::uintptr_t>) noexcept { return 0; }

}  // namespace weft::detail
