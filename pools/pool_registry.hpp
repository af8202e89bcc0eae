// The pools of the process: for the metrics, and so that a worker with nothing to do can give memory back.
#pragma once

#include <string_view>

#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::detail {

/// A pool derives from it, enlists at the end of its constructor, and delists at the beginning of its
/// destructor.
class listed_pool : public list_node {
 public:
  /// `name`: must outlive the pool.
  explicit listed_pool(std::string_view name) noexcept : name_{name} {}

  std::string_view name() const noexcept { return name_; }
  virtual pool_stats stats() noexcept = 0;

  /// Frees memory that is not needed, until `until`. True: it did not get to the end. Safe from any thread.
  virtual bool trim(deadline until) noexcept = 0;

 protected:
  ~listed_pool() = default;

  void enlist() noexcept;

  /// Blocks     until nobody trims it.
  void delist() noexcept;

 private:
  const std::string_view name_;
};

/// Trims all pools. True: there is more to free, call again. Safe from any thread.
bool trim_pools(deadline until) noexcept;

/// Calls f(const listed_pool&, stats) for every pool. f may not make or destroy one.
void visit_pools(void (*f)(const listed_pool& pool, const pool_stats& stats, void* context), void* context);

}  // namespace weft::detail

namespace weft {

/// Calls f(std::string_view name, const pool_stats&) for every pool of the process, the oldest first. f must
/// not make a pool, destroy one, or wait.
///
/// Blocks     until nobody else visits, makes, destroys or trims a pool: the list has one lock.
/// Safe from  any fiber or thread.
template <class F>
void for_each_pool(F f) {
  detail::visit_pools([](const detail::listed_pool& pool, const pool_stats& stats,
                         void* context) { (*static_cast<F*>(context))(pool.name(), stats); },
                      &f);
}

}  // namespace weft
