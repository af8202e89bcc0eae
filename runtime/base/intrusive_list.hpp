// Lists whose links lie inside their elements: no allocation, and an element leaves in O(1).
//
// intrusive_list is a ring through a sentinel, so that a node can be unlinked without its list, and without a
// branch. A node is linked if and only if its `next_` is not null. intrusive_queue is the smaller thing for a
// FIFO that nothing leaves early: one pointer per element. Neither owns its elements, copies, or may be moved
// while something is linked (a ring points at its sentinel): splice_back() moves the elements instead. Not
// for several threads at once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include <weft/runtime/base/assert.hpp>

namespace weft::detail {

/// The links of one element in one intrusive_list: a base class or a member of the element.
class list_node {
 public:
  list_node() = default;
  list_node(const list_node&) = delete;
  list_node& operator=(const list_node&) = delete;
  ~list_node() { WEFT_DEBUG_ASSERT(!linked(), "an element died in its list"); }

  bool linked() const noexcept { return next_ != nullptr; }

  /// Leaves its list, whichever that is. Cost: O(1), two stores there and one here.
  void unlink() noexcept {
    WEFT_DEBUG_ASSERT(linked(), "unlinked an element that is in no list");
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = nullptr;
  }

 private:
  template <class T, list_node T::* Node>
  friend class intrusive_list;

  void link_before(list_node& place) noexcept {
    WEFT_DEBUG_ASSERT(!linked(), "linked an element that is already in a list");
    next_ = &place;
    previous_ = place.previous_;
    previous_->next_ = this;
    place.previous_ = this;
  }

  list_node* next_ = nullptr;
  list_node* previous_;  // meaningless while not linked
};

/// A list of T, linked through the base class list_node (T may still be incomplete), or through the member
/// `Node`.
template <class T, list_node T::* Node = nullptr>
class intrusive_list {
 public:
  class iterator;

  constexpr intrusive_list() noexcept { reset(); }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;
  ~intrusive_list() {
    WEFT_DEBUG_ASSERT(empty(), "a list died with elements in it");
    ring_.next_ = nullptr;
  }

  bool empty() const noexcept { return ring_.next_ == &ring_; }

  /// nullptr if empty.
  T* front() noexcept { return empty() ? nullptr : &element(*ring_.next_); }
  T* back() noexcept { return empty() ? nullptr : &element(*ring_.previous_); }

  iterator begin() noexcept { return iterator{ring_.next_}; }
  iterator end() noexcept { return iterator{&ring_}; }

  void push_back(T& x) noexcept { node(x).link_before(ring_); }
  void push_front(T& x) noexcept { node(x).link_before(*ring_.next_); }

  /// Puts `x` before `place`, which is in this list.
  static void insert(T& place, T& x) noexcept {
    WEFT_DEBUG_ASSERT(linked(place), "inserted before an element that is in no list");
    node(x).link_before(node(place));
  }

  /// The first element, now out of the list; nullptr if empty.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    list_node& first = *ring_.next_;
    first.unlink();
    return &element(first);
  }

  /// Moves all of `other` behind what is here. Cost: O(1).
  void splice_back(intrusive_list& other) noexcept {
    if (other.empty()) return;
    list_node* const first = other.ring_.next_;
    list_node* const last = other.ring_.previous_;
    first->previous_ = ring_.previous_;
    ring_.previous_->next_ = first;
    last->next_ = &ring_;
    ring_.previous_ = last;
    other.reset();
  }

  static void unlink(T& x) noexcept { node(x).unlink(); }
  static bool linked(const T& x) noexcept { return node(const_cast<T&>(x)).linked(); }

  /// Cost: O(n); for tests and checks.
  std::size_t count() const noexcept {
    std::size_t n = 0;
    for (const list_node* at = ring_.next_; at != &ring_; at = at->next_) ++n;
    return n;
  }

 private:
  static list_node& node(T& x) noexcept {
    if constexpr (Node == nullptr) return static_cast<list_node&>(x);
    else return x.*Node;
  }

  /// The element around a node. A pointer to a data member is its offset (Itanium C++ ABI, all we build on).
  static T& element(list_node& n) noexcept {
    if constexpr (Node == nullptr) {
      return static_cast<T&>(n);
    } else {
      static_assert(sizeof(Node) == sizeof(std::ptrdiff_t));
      return *reinterpret_cast<T*>(reinterpret_cast<std::byte*>(&n) - std::bit_cast<std::ptrdiff_t>(Node));
    }
  }

  constexpr void reset() noexcept { ring_.next_ = ring_.previous_ = &ring_; }

  list_node ring_;  // the sentinel: its next is the front, its previous the back
};

/// Forward and backward; the element under it may be unlinked only after the iterator has moved on.
template <class T, list_node T::* Node>
class intrusive_list<T, Node>::iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::bidirectional_iterator_tag;

  iterator() = default;
  T& operator*() const noexcept { return element(*at_); }
  T* operator->() const noexcept { return &element(*at_); }
  iterator& operator++() noexcept {
    at_ = at_->next_;
    return *this;
  }
  iterator& operator--() noexcept {
    at_ = at_->previous_;
    return *this;
  }
  iterator operator++(int) noexcept {
    const iterator old = *this;
    at_ = at_->next_;
    return old;
  }
  iterator operator--(int) noexcept {
    const iterator old = *this;
    at_ = at_->previous_;
    return old;
  }
  bool operator==(const iterator&) const = default;

 private:
  friend class intrusive_list;
  explicit iterator(list_node* at) noexcept : at_{at} {}

  list_node* at_ = nullptr;
};

/// A first-in-first-out queue of T, linked through the member `Next`, a T*.
template <class T, T* T::* Next = &T::next>
class intrusive_queue {
 public:
  intrusive_queue() = default;
  intrusive_queue(const intrusive_queue&) = delete;
  intrusive_queue& operator=(const intrusive_queue&) = delete;
  ~intrusive_queue() { WEFT_DEBUG_ASSERT(empty(), "a queue died with elements in it"); }

  bool empty() const noexcept { return head_ == nullptr; }

  /// nullptr if empty.
  T* front() noexcept { return head_; }

  void push_back(T& x) noexcept {
    WEFT_DEBUG_ASSERT(empty() || tail_ != &x, "queued an element that is already last");
    x.*Next = nullptr;
    if (empty()) head_ = &x;
    else tail_->*Next = &x;
    tail_ = &x;
  }

  void push_front(T& x) noexcept {
    WEFT_DEBUG_ASSERT(head_ != &x, "queued an element that is already first");
    if (empty()) tail_ = &x;
    x.*Next = head_;
    head_ = &x;
  }

  /// The first element, now out of the queue; nullptr if empty.
  T* pop_front() noexcept {
    T* const first = head_;
    if (first != nullptr) head_ = first->*Next;
    return first;
  }

  /// Moves all of `other` behind what is here. Cost: O(1).
  void splice_back(intrusive_queue& other) noexcept {
    if (other.empty()) return;
    if (empty()) head_ = other.head_;
    else tail_->*Next = other.head_;
    tail_ = other.tail_;
    other.head_ = nullptr;
  }

  /// Takes `x` out from wherever it is; false if it is not here. Cost: O(n).
  bool remove(T& x) noexcept {
    T* before = nullptr;
    for (T* at = head_; at != nullptr; before = at, at = at->*Next) {
      if (at != &x) continue;
      if (before == nullptr) head_ = x.*Next;
      else before->*Next = x.*Next;
      if (tail_ == &x) tail_ = before;
      return true;
    }
    return false;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;  // meaningless while empty
};

}  // namespace weft::detail
