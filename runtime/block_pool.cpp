#include <weft/runtime/block_pool.hpp>

namespace weft {

result<void> block_pool::acquire_batch(std::span<pooled_block> out, deadline until) {
  for (pooled_block& block : out) block.reset();
  detail::batch_room room{out.size()};
  void** const blocks = room.data();
  WEFT_TRY(blocks_.take_many(blocks, out.size(), until));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = pooled_block{blocks_, blocks[i]};
  return {};
}

}  // namespace weft
