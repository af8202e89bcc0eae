// The first frame of a fresh stack under a sanitizer.
#include <weft/runtime/context/annotations.hpp>

#include <cstdlib>

namespace weft::detail {

void begin_annotated(context_entry entry) noexcept {
  stack_annotation::arrive_first();
  entry();
  std::abort();
}

}  // namespace weft::detail
