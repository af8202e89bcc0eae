#include <weft/runtime/inspect/stack_sites.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <memory>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/runtime/inspect/stack_residency.hpp>

namespace weft::detail {
namespace {

constexpr std::uintptr_t class_mask = 7;
static_assert(stack_classes <= class_mask + 1);
static_assert(sizeof(std::source_location) == sizeof(std::uintptr_t), "a pointer to what the compiler wrote");

// What a fiber that ends still needs below the frame that calls: the calls of the kernel, and its end.
constexpr std::size_t still_needed = 1024;

}  // namespace

constinit atomic<stack_sites*> stack_sites::table{nullptr};

void stack_sites::prepare() {
  if (existing() != nullptr) return;
  auto made = std::make_unique<stack_sites>();
  stack_sites* none = nullptr;
  if (table.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel)) (void)made.release();
}

stack_sites::entry* stack_sites::find(std::uintptr_t key) noexcept {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;  // Knuth's multiplicative hash
  static_assert(std::has_single_bit(sites_max));
  const auto first = static_cast<std::size_t>(key * golden >> (64 - std::countr_zero(sites_max)));
  for (std::size_t i = 0; i < sites_max; ++i) {
    entry& e = entries_[(first + i) % sites_max];
    std::uintptr_t seen = e.key.load(std::memory_order_acquire);
    if (seen == 0 && e.key.compare_exchange_strong(seen, key, std::memory_order_acq_rel)) return &e;
    if (seen == key) return &e;
  }
  return nullptr;
}

void stack_sites::add(std::source_location site, stack_class size, std::size_t bytes) noexcept {
  stack_sites& all = *existing();
  entry* const e = all.find(std::bit_cast<std::uintptr_t>(site) | static_cast<std::uintptr_t>(size));
  if (e == nullptr) {
    all.left_out_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::size_t pages = (bytes + page - 1) / page;
  const auto at = std::min(static_cast<std::size_t>(std::ranges::lower_bound(edges, pages) - edges.begin()),
                           edges.size() - 1);
  e->buckets[at].fetch_add(1, std::memory_order_relaxed);
  std::size_t most = e->most.load(std::memory_order_relaxed);
  while (most < bytes && !e->most.compare_exchange_weak(most, bytes, std::memory_order_relaxed)) continue;
}

void stack_sites::measure_and_clean(std::source_location site, stack_class size, std::byte* base,
                                    const void* at) noexcept {
  const std::size_t bytes = resident_bytes(base, size);
  if (bytes == 0) return;  // the kernel does not say
  add(site, size, bytes);
  static const auto kernel_page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto used = (reinterpret_cast<std::uintptr_t>(at) - still_needed) / kernel_page * kernel_page;
  const auto begin = reinterpret_cast<std::uintptr_t>(base);
  if (used <= begin || begin + usable(size) - bytes >= used) return;
  const int saved = errno;
  (void)madvise(base, used - begin, MADV_DONTNEED);
  errno = saved;
}

stack_sites::summary stack_sites::summary_of(const entry& e) noexcept {
  const std::uintptr_t key = e.key.load(std::memory_order_acquire);
  std::array<std::uint32_t, edges.size()> counts;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < edges.size(); ++i)
    count += counts[i] = e.buckets[i].load(std::memory_order_relaxed);
  const std::uint64_t wanted = count - count / 100;  // as many are at most at the 99th percentile
  std::size_t at = 0;
  for (std::uint64_t seen = counts[0]; seen < wanted && at + 1 < edges.size(); seen += counts[at]) ++at;
  const std::size_t most = e.most.load(std::memory_order_relaxed);
  return {.site = std::bit_cast<std::source_location>(key & ~class_mask),
          .size = static_cast<stack_class>(key & class_mask),
          .count = count,
          .most = most,
          .p99 = std::min(most, edges[at] * page)};
}

}  // namespace weft::detail
