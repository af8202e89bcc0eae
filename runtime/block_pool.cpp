#include <weft/runtime/block_pool.hpp>

#include <array>
#include <memory>

namespace weft {

result<void> block_pool::acquire_batch(std::span<pooled_block> out, deadline until) {
  constexpr std::size_t few = 16;  // addresses that a fiber's stack has room for
  for (pooled_block& block : out) block.reset();
  std::array<void*, few> small;
  std::unique_ptr<void*[]> large;
  if (out.size() > few) large = std::make_unique_for_overwrite<void*[]>(out.size());
  void** const blocks = large != nullptr ? large.get() : small.data();
  WEFT_TRY(blocks_.take_many(blocks, out.size(), until));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = pooled_block{blocks_, blocks[i]};
  return {};
}

}  // namespace weft
