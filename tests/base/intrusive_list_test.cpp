// The intrusive list and queue, against the order that std::list would give.
#include <weft/runtime/base/intrusive_list.hpp>

#include <list>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

using weft::detail::intrusive_list;
using weft::detail::intrusive_queue;
using weft::detail::list_node;

struct by_base : list_node {
  explicit by_base(int v = 0) : value{v} {}
  int value;
};

struct by_member {
  explicit by_member(int v = 0) : value{v} {}
  int value;
  list_node first;
  list_node second;
  by_member* next = nullptr;
};

template <class List>
std::vector<int> values(List& list) {
  std::vector<int> all;
  for (auto& x : list) all.push_back(x.value);
  return all;
}

using base_list = intrusive_list<by_base>;
using first_list = intrusive_list<by_member, &by_member::first>;
using second_list = intrusive_list<by_member, &by_member::second>;
using queue = intrusive_queue<by_member>;

TEST(IntrusiveList, keeps_the_order_of_both_ends) {
  by_base a{1}, b{2}, c{3};
  base_list list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.back(), nullptr);
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  EXPECT_EQ(values(list), (std::vector{1, 2, 3}));
  EXPECT_EQ(list.front(), &a);
  EXPECT_EQ(list.back(), &c);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_EQ(list.pop_front(), &c);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(IntrusiveList, an_element_leaves_without_its_list) {
  by_base a{1}, b{2}, c{3};
  base_list list;
  for (auto* x : {&a, &b, &c}) list.push_back(*x);
  b.unlink();
  EXPECT_FALSE(b.linked());
  EXPECT_EQ(values(list), (std::vector{1, 3}));
  list.push_front(b);
  EXPECT_EQ(values(list), (std::vector{2, 1, 3}));
  for (auto* x : {&a, &b, &c}) base_list::unlink(*x);
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, an_element_is_in_as_many_lists_as_it_has_nodes) {
  by_member a{1}, b{2};
  first_list first;
  second_list second;
  first.push_back(a);
  first.push_back(b);
  second.push_back(b);
  second.push_back(a);
  EXPECT_EQ(values(first), (std::vector{1, 2}));
  EXPECT_EQ(values(second), (std::vector{2, 1}));
  first_list::unlink(a);
  EXPECT_FALSE(first_list::linked(a));
  EXPECT_TRUE(second_list::linked(a));
  EXPECT_EQ(first.pop_front(), &b);
  EXPECT_EQ(second.pop_front(), &b);
  EXPECT_EQ(second.pop_front(), &a);
}

TEST(IntrusiveList, inserts_before_and_splices_behind) {
  by_base a{1}, b{2}, c{3}, d{4};
  base_list list, other;
  list.push_back(c);
  base_list::insert(c, a);
  base_list::insert(c, b);
  EXPECT_EQ(values(list), (std::vector{1, 2, 3}));
  list.splice_back(other);
  EXPECT_EQ(list.count(), 3u);
  other.push_back(d);
  other.splice_back(list);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(values(other), (std::vector{4, 1, 2, 3}));
  list.splice_back(other);
  EXPECT_EQ(values(list), (std::vector{4, 1, 2, 3}));
  while (list.pop_front() != nullptr) {}
}

TEST(IntrusiveList, iterates_both_ways_and_past_an_element_that_leaves) {
  by_base a{1}, b{2}, c{3};
  base_list list;
  for (auto* x : {&a, &b, &c}) list.push_back(*x);
  EXPECT_EQ(std::prev(list.end())->value, 3);
  for (auto at = list.begin(); at != list.end();) (at++)->unlink();
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, agrees_with_std_list_in_any_order_of_operations) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random{seed};
    std::vector<by_member> elements(32);
    first_list list;
    std::list<by_member*> model;
    for (int step = 0; step < 500; ++step) {
      by_member& x = elements[random() % elements.size()];
      const auto at = std::find(model.begin(), model.end(), &x);
      ASSERT_EQ(first_list::linked(x), at != model.end());
      if (at != model.end()) {
        first_list::unlink(x);
        model.erase(at);
      } else if (random() % 2 == 0) {
        list.push_back(x);
        model.push_back(&x);
      } else {
        list.push_front(x);
        model.push_front(&x);
      }
      ASSERT_EQ(list.front(), model.empty() ? nullptr : model.front());
      ASSERT_EQ(list.back(), model.empty() ? nullptr : model.back());
      ASSERT_EQ(list.count(), model.size());
    }
    for (by_member* expected : model) ASSERT_EQ(list.pop_front(), expected);
    ASSERT_TRUE(list.empty());
  }
}

TEST(IntrusiveQueue, is_first_in_first_out) {
  by_member a{1}, b{2}, c{3};
  queue q;
  EXPECT_EQ(q.front(), nullptr);
  EXPECT_EQ(q.pop_front(), nullptr);
  q.push_back(a);
  q.push_back(b);
  EXPECT_EQ(q.pop_front(), &a);
  q.push_back(c);
  q.push_back(a);
  EXPECT_EQ(q.pop_front(), &b);
  EXPECT_EQ(q.pop_front(), &c);
  EXPECT_EQ(q.pop_front(), &a);
  EXPECT_TRUE(q.empty());
}

TEST(IntrusiveQueue, push_front_goes_ahead_of_all) {
  by_member a{1}, b{2}, c{3};
  queue q;
  q.push_front(b);
  q.push_back(c);
  q.push_front(a);
  EXPECT_EQ(q.pop_front(), &a);
  EXPECT_EQ(q.pop_front(), &b);
  EXPECT_EQ(q.pop_front(), &c);
}

TEST(IntrusiveQueue, splices_behind_and_leaves_the_other_empty) {
  by_member a{1}, b{2}, c{3};
  queue q, other;
  other.push_back(a);
  q.splice_back(other);
  EXPECT_TRUE(other.empty());
  other.push_back(b);
  q.splice_back(other);
  q.splice_back(other);
  q.push_back(c);
  EXPECT_EQ(q.pop_front(), &a);
  EXPECT_EQ(q.pop_front(), &b);
  EXPECT_EQ(q.pop_front(), &c);
  EXPECT_TRUE(q.empty());
}

TEST(IntrusiveQueue, removes_from_either_end_and_the_middle) {
  by_member a{1}, b{2}, c{3}, d{4};
  queue q;
  for (auto* x : {&a, &b, &c}) q.push_back(*x);
  EXPECT_FALSE(q.remove(d));
  EXPECT_TRUE(q.remove(b));
  EXPECT_TRUE(q.remove(c));
  q.push_back(d);  // the tail must be right after the last was removed
  EXPECT_TRUE(q.remove(a));
  EXPECT_EQ(q.pop_front(), &d);
  EXPECT_FALSE(q.remove(d));
}

#ifndef NDEBUG
TEST(IntrusiveListDeathTest, asserts_on_misuse) {
  EXPECT_DEATH(
      {
        by_base a;
        base_list list;
        list.push_back(a);
        list.push_back(a);
      },
      "already in a list");
  EXPECT_DEATH(by_base{}.unlink(), "in no list");
  EXPECT_DEATH(
      {
        by_base a;
        {
          base_list list;
          list.push_back(a);
        }
      },
      "a list died with elements");
  EXPECT_DEATH(
      {
        base_list list;
        {
          by_base a;
          list.push_back(a);
        }
      },
      "an element died in its list");
}
#endif

}  // namespace
