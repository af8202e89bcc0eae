// Blocks and objects of a pool, taken and given back on one worker: blocks of 1 KiB one after the other and
// 32 at a time, blocks of 64 KiB, buffers of 64 KiB, and objects of 200 bytes.
#include <cstddef>
#include <cstdint>
#include <utility>

#include <weft/runtime/block_pool.hpp>
#include <weft/runtime/buffer_pool.hpp>
#include <weft/runtime/object_pool.hpp>
#include <weft/runtime/runtime.hpp>

#include "pool_work.hpp"

namespace {

struct block_take {
  weft::block_pool& pool;

  /// Looks like a pointer to its first word.
  struct held : weft::pooled_block {
    std::uint64_t& operator*() const noexcept { return *reinterpret_cast<std::uint64_t*>(data()); }
  };
  held operator()(std::uint64_t i) const {
    held block{std::move(*pool.acquire())};
    *block = i;
    return block;
  }
};

const auto give_back = [](auto& block) { block.reset(); };

bench::sample blocks_1k(std::uint64_t operations) {
  weft::block_pool pool{1024};
  return weft::run([&] { return bench::one_by_one(operations, block_take{pool}, give_back); },
                   {.workers = 1});
}

bench::sample blocks_1k_in_bursts(std::uint64_t operations) {
  weft::block_pool pool{1024};
  return weft::run([&] { return bench::in_bursts(operations, block_take{pool}, give_back); }, {.workers = 1});
}

bench::sample blocks_64k(std::uint64_t operations) {
  weft::block_pool pool{65536};
  return weft::run([&] { return bench::one_by_one(operations, block_take{pool}, give_back); },
                   {.workers = 1});
}

struct buffer_take {
  weft::buffer_pool& pool;

  struct held : weft::buffer {
    std::uint64_t& operator*() noexcept { return *reinterpret_cast<std::uint64_t*>(data()); }
  };
  held operator()(std::uint64_t i) const {
    held one{std::move(*pool.acquire(65536))};
    *one = i;
    return one;
  }
};

bench::sample buffers_64k(std::uint64_t operations) {
  weft::buffer_pool pool;
  const auto give = [](buffer_take::held& one) { one = {}; };
  return weft::run([&] { return bench::one_by_one(operations, buffer_take{pool}, give); }, {.workers = 1});
}

bench::sample objects(std::uint64_t operations) {
  weft::object_pool<bench::object> pool;
  const auto take = [&](std::uint64_t i) { return std::move(*pool.acquire(i)); };
  return weft::run([&] { return bench::one_by_one(operations, take, give_back); }, {.workers = 1});
}

const int rows[] = {
    bench::time_row("pool/block", blocks_1k),      bench::time_row("pool/block_burst", blocks_1k_in_bursts),
    bench::time_row("pool/block_64k", blocks_64k), bench::time_row("pool/buffer_64k", buffers_64k),
    bench::time_row("pool/object", objects),
};

}  // namespace
