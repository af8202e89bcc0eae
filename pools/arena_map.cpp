// Entries are published by a release store and never lead to memory that a reader could see freed.
#include <weft/pools/arena_map.hpp>

#include <array>
#include <new>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t address_bits =
    48;  // what mmap gives out unasked on x86-64 and aarch64, five-level tables included
constexpr std::size_t span = 1024 * mib;
constexpr std::size_t chunks_per_span = span / stack_chunk;

struct node {
  std::array<atomic<std::uintptr_t>, chunks_per_span> chunks{};
};

constinit std::array<atomic<node*>, (std::size_t{1} << address_bits) / span> nodes{};

atomic<std::uintptr_t>* slot_of(const void* address) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (at >> address_bits != 0) return nullptr;
  node* const n = nodes[at / span].load(std::memory_order_acquire);
  return n != nullptr ? &n->chunks[at % span / stack_chunk] : nullptr;
}

}  // namespace

chunk_entry find_chunk(const void* address) noexcept {
  const atomic<std::uintptr_t>* const slot = slot_of(address);
  return slot != nullptr ? chunk_entry{slot->load(std::memory_order_acquire)} : chunk_entry{};
}

bool prepare_chunks(const std::byte* begin, std::size_t bytes) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t last = first + bytes - 1;
  if (last >> address_bits != 0) return false;
  for (std::uintptr_t i = first / span; i <= last / span; ++i) {
    if (nodes[i].load(std::memory_order_acquire) != nullptr) continue;
    node* const made = new (std::nothrow) node;
    if (made == nullptr) return false;
    node* seen = nullptr;
    if (!nodes[i].compare_exchange_strong(seen, made, std::memory_order_acq_rel, std::memory_order_acquire))
      delete made;
  }
  return true;
}

void enter_chunk(const std::byte* chunk, chunk_entry entry) noexcept {
  atomic<std::uintptr_t>* const slot = slot_of(chunk);
  WEFT_ASSERT(slot != nullptr, "a chunk that was not prepared");
  slot->store(entry.bits(), std::memory_order_release);
}

bool find_stack(const void* address, stack_place& out) noexcept {
  const chunk_entry entry = find_chunk(address);
  if (!entry.has_stacks()) return false;
  const std::size_t length = stride(entry.size());
  const std::size_t offset = reinterpret_cast<std::uintptr_t>(address) % length;
  auto* const begin = static_cast<std::byte*>(const_cast<void*>(address)) - offset;
  out = {.size = entry.size(),
         .base = begin + guard(entry.size()),
         .in_guard = offset < guard(entry.size()),
         .guards = entry.guards()};
  return true;
}

}  // namespace weft::detail
