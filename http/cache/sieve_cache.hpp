// A map with a bound in entries and in bytes, which forgets what is not asked for.
//
// SIEVE: entries stand in the order in which they came, with a mark each that a hit sets. To make room a hand
// goes from the oldest to the newest, takes the mark from those that have one, and removes the first that has
// none; next time it goes on from there. So a hit writes one byte and moves nothing, and a scan of things
// that are asked for once passes through without taking what is popular along, which it would with LRU.
//
// Keys may come from strangers, who may make them collide: the bound on entries bounds what that costs.
// Not for several threads at once.
//
// Source: Zhang and others, "SIEVE is Simpler than LRU", NSDI 2024.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::http::detail {

template <class Value>
class sieve_cache {
 public:
  /// `bytes_max`: of values, as insert() is told, and of keys and what an entry itself takes.
  sieve_cache(std::size_t entries_max, std::size_t bytes_max) noexcept
      : entries_max_{entries_max}, bytes_max_{bytes_max} {}
  sieve_cache(const sieve_cache&) = delete;
  sieve_cache& operator=(const sieve_cache&) = delete;
  ~sieve_cache() {
    while (!order_.empty()) remove(*order_.front());
  }

  /// The value of that key, which now counts as asked for; null: there is none. Valid until the next call
  /// that is no find().
  ///
  /// Cost       a hash of the key and a comparison.
  Value* find(std::string_view key) noexcept {
    const auto it = entries_.find(key);
    if (it == entries_.end()) return nullptr;
    it->second.asked_for = true;
    return &it->second.value;
  }

  /// Puts it in, in place of what had that key, and makes room for it. `bytes`: what the value takes. False:
  /// it is larger than all that there may be.
  ///
  /// Cost       O(1), amortised.
  bool insert(std::string_view key, Value&& value, std::size_t bytes) {
    erase(key);
    bytes += key.size() + sizeof(entry);
    if (bytes > bytes_max_ || entries_max_ == 0) return false;
    while (entries_.size() >= entries_max_ || bytes > bytes_max_ - bytes_) evict();
    const auto it = entries_.try_emplace(std::string{key}, std::move(value), bytes).first;
    it->second.key = &it->first;
    order_.push_back(it->second);
    bytes_ += bytes;
    return true;
  }

  void erase(std::string_view key) noexcept {
    if (const auto it = entries_.find(key); it != entries_.end()) remove(it->second);
  }

  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  /// How many entries had to go to make room.
  std::uint64_t evictions() const noexcept { return evictions_; }

 private:
  struct entry : weft::detail::list_node {
    entry(Value&& v, std::size_t size) noexcept : value{std::move(v)}, bytes{size} {}

    const std::string* key = nullptr;  // in the map
    Value value;
    std::size_t bytes;
    bool asked_for = false;  // since the hand last came by
  };
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using order = weft::detail::intrusive_list<entry>;

  void evict() noexcept {
    for (;;) {
      if (hand_ == order_.end()) hand_ = order_.begin();
      entry& at = *hand_;
      if (!std::exchange(at.asked_for, false)) {
        ++evictions_;
        return remove(at);
      }
      ++hand_;
    }
  }

  void remove(entry& e) noexcept {
    if (hand_ != order_.end() && &*hand_ == &e) ++hand_;
    bytes_ -= e.bytes;
    e.unlink();
    entries_.erase(entries_.find(*e.key));
  }

  const std::size_t entries_max_, bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t evictions_ = 0;
  std::unordered_map<std::string, entry, hash, std::equal_to<>> entries_;
  order order_;                                   // the oldest first
  typename order::iterator hand_ = order_.end();  // where the next search for room begins
};

}  // namespace weft::http::detail
