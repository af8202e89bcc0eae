#include <weft/http/route_tree.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

// The byte that the text at `at` says, and behind it. An encoded slash is not one.
template <bool Encoded>
char take_byte(const char*& at) noexcept {
  if (!Encoded || *at != '%') return *at++;
  const char said = static_cast<char>(hex_value(at[1]) * 16 + hex_value(at[2]));
  at += 3;
  return said == '/' ? encoded_slash : said;
}

// Where `label` ends, if the text begins with it; null if not.
template <bool Encoded>
const char* skip(std::string_view label, const char* at, const char* end) noexcept {
  if (static_cast<std::size_t>(end - at) < label.size()) return nullptr;
  if (!Encoded) return std::memcmp(at, label.data(), label.size()) == 0 ? at + label.size() : nullptr;
  for (const char wanted : label)
    if (at == end || take_byte<Encoded>(at) != wanted) return nullptr;
  return at;
}

// Where the `length` bytes begin that end at `at`. Behind a `%` stand two digits, never another.
template <bool Encoded>
const char* back(const char* at, std::size_t length, const char* begin) noexcept {
  if (!Encoded) return at - length;
  for (; length != 0; --length) at -= at - begin >= 3 && at[-3] == '%' ? 3 : 1;
  return at;
}

std::string_view segment_at(const char* at, const char* end) noexcept {
  const auto left = static_cast<std::size_t>(end - at);
  const void* const slash = left == 0 ? nullptr : std::memchr(at, '/', left);
  return {at, slash == nullptr ? left : static_cast<std::size_t>(static_cast<const char*>(slash) - at)};
}

}  // namespace

route_tree::route_tree() : nodes_(1) {}

std::uint32_t route_tree::add(node n) {
  nodes_.push_back(std::move(n));
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

// Cuts the edge to `at` in two: `at` keeps the first `length` bytes, and a new child what was behind them.
void route_tree::split(std::uint32_t at, std::size_t length) {
  node rest = std::exchange(nodes_[at], {});
  node& first = nodes_[at];
  first.label = rest.label.substr(0, length);
  first.parent = std::exchange(rest.parent, at);
  rest.label.erase(0, length);
  first.first_bytes = rest.label.substr(0, 1);
  const std::uint32_t below = add(std::move(rest));
  nodes_[at].children = {below};
  for (const std::uint32_t child : nodes_[below].children) nodes_[child].parent = below;
  if (nodes_[below].segment != 0) nodes_[nodes_[below].segment].parent = below;
}

// The node behind `text`, made where it is missing.
std::uint32_t route_tree::add_literal(std::uint32_t from, std::string_view text) {
  while (!text.empty()) {
    const std::size_t which = nodes_[from].first_bytes.find(text.front());
    if (which == std::string::npos) {
      const std::uint32_t leaf = add({.label = std::string{text}, .parent = from});
      nodes_[from].first_bytes += text.front();
      nodes_[from].children.push_back(leaf);
      return leaf;
    }
    const std::uint32_t child = nodes_[from].children[which];
    const std::string& label = nodes_[child].label;
    const auto common = static_cast<std::size_t>(std::ranges::mismatch(label, text).in1 - label.begin());
    if (common < label.size()) split(child, common);
    from = child;
    text.remove_prefix(common);
  }
  return from;
}

const resource*& route_tree::at(const pattern& p) {
  std::uint32_t at = 0;
  for (const pattern::part& part : p.parts) {
    if (part.is == pattern::kind::tail) return nodes_[at].tail;
    if (part.is == pattern::kind::literal) {
      at = add_literal(at, part.text);
      continue;
    }
    if (nodes_[at].segment == 0) {
      const std::uint32_t made = add({.parent = at});
      nodes_[at].segment = made;
    }
    at = nodes_[at].segment;
  }
  return nodes_[at].here;
}

// The child that `at` goes on with, and moves `at` behind its label; 0 if there is none.
template <bool Encoded>
std::uint32_t route_tree::literal_child(const node& of, const char*& at, const char* end) const noexcept {
  const char* behind = at;
  const std::size_t which = of.first_bytes.find(take_byte<Encoded>(behind));
  if (which == std::string::npos) return 0;
  const std::uint32_t child = of.children[which];
  behind = skip<Encoded>(nodes_[child].label, at, end);
  if (behind == nullptr) return 0;
  at = behind;
  return child;
}

template <bool Encoded>
const resource* route_tree::walk(std::string_view path, parameter_values& values) const noexcept {
  const char* const begin = path.data();
  const char* const end = begin + path.size();
  const char* p = begin;
  std::uint32_t at = 0;
  // Goes over a segment to the node behind it, if there are both.
  const auto take_segment = [&](std::uint32_t from) {
    const std::string_view value = segment_at(p, end);
    if (nodes_[from].segment == 0 || value.empty()) return false;
    values.all[values.count++] = value;
    p += value.size();
    at = nodes_[from].segment;
    return true;
  };
  for (;;) {
    const node& n = nodes_[at];
    if (p == end && n.here != nullptr) return n.here;
    if (p != end) {
      if (const std::uint32_t child = literal_child<Encoded>(n, p, end); child != 0) {
        at = child;
        continue;
      }
      if (take_segment(at)) continue;
    }
    for (bool on = false; !on;) {  // back, to where there is another way
      const node& dead = nodes_[at];
      if (dead.tail != nullptr) {
        values.all[values.count++] = {p, end};
        return dead.tail;
      }
      if (at == 0) return nullptr;
      const bool was_segment = dead.label.empty();
      if (was_segment) p = values.all[--values.count].data();
      else p = back<Encoded>(p, dead.label.size(), begin);
      at = dead.parent;
      on = !was_segment && take_segment(at);
    }
  }
}

const resource* route_tree::find(std::string_view path, parameter_values& values) const noexcept {
  values.count = 0;
  return path.find('%') == path.npos ? walk<false>(path, values) : walk<true>(path, values);
}

}  // namespace weft::http::detail
