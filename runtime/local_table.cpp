#include <weft/runtime/local_table.hpp>

#include <memory>
#include <mutex>
#include <utility>

#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/parker.hpp>

namespace weft::detail {
namespace {

// The indices of variables. Never destroyed: variables of static storage give theirs back at any time.
struct registry {
  thread_mutex lock;  // guards all of it
  std::vector<std::uint32_t> free;
  std::uint32_t indices = 0;
  std::uint64_t ids = 0;
};

registry& keys() {
  static registry& instance = *new registry;
  return instance;
}

}  // namespace

local_key take_local_key() {
  registry& all = keys();
  const std::lock_guard hold{all.lock};
  std::uint32_t index = all.indices;
  if (all.free.empty()) {
    all.free.reserve(index + 1);  // so that giving back does not throw
    ++all.indices;
  } else {
    index = all.free.back();
    all.free.pop_back();
  }
  return {.id = ++all.ids, .index = index};
}

void give_local_key(const local_key& key) noexcept {
  registry& all = keys();
  const std::lock_guard hold{all.lock};
  all.free.push_back(key.index);
}

void local_table::make_room(const local_key& key) {
  if (key.index >= at_.size()) at_.resize(key.index + 1);
  if (local_value* const left_behind = at_[key.index]) remove(*left_behind);
}

void local_table::add(local_value& v) noexcept {
  at_[v.index] = &v;
  v.older = std::exchange(newest_, &v);
}

bool local_table::unlink(const local_value& v) noexcept {
  local_value** at = &newest_;
  while (*at != nullptr && *at != &v) at = &(*at)->older;
  if (*at == nullptr) return false;
  *at = v.older;
  return true;
}

// Its place is cleared after its destructor, which sees itself there and does not make another.
void local_table::remove(local_value& v) noexcept {
  const std::uint32_t index = v.index;
  if (!unlink(v)) return;  // its own destructor asks
  v.operations->destroy(v);
  at_[index] = nullptr;
}

void local_table::clear() noexcept {
  while (newest_ != nullptr) remove(*newest_);
}

bool local_table::copy_from(const local_table& spawner) {
  at_.resize(spawner.at_.size());
  local_value** end = &newest_;
  for (const local_value* v = spawner.newest_; v != nullptr; v = v->older) {
    if (v->operations->copy == nullptr) continue;
    local_value* const copied = v->operations->copy(*v);
    at_[copied->index] = copied;
    *end = copied;
    end = &copied->older;
  }
  return newest_ != nullptr;
}

local_table& make_locals() {
  if (local_table* const known = find_locals()) return *known;
  if (worker* const here = worker::current()) {
    fiber& self = *here->running();
    self.locals = new local_table;
    self.has_locals = true;
    return *self.locals;
  }
  (void)parker::of_this_thread();  // first, so that it ends after the values, whose destructors may wait
  struct leaver {
    ~leaver() { destroy_locals_of_thread(); }
  };
  [[maybe_unused]] static thread_local leaver at_thread_exit;
  return *(this_thread.locals = new local_table);
}

void bequeath() noexcept {
  if (worker* const here = worker::current()) here->running()->bequeaths = true;
}

void destroy_locals(fiber& f) noexcept {
  f.locals->clear();  // still known: destructors may ask for others
  f.has_locals = f.bequeaths = false;
  delete f.locals;
}

void destroy_locals_of_thread() noexcept {
  if (this_thread.locals == nullptr) return;
  this_thread.locals->clear();
  delete std::exchange(this_thread.locals, nullptr);
}

void inherit_locals(fiber& child) {
  const local_table* const own = find_locals();
  auto copies = std::make_unique<local_table>();
  if (!copies->copy_from(*own)) return;
  child.locals = copies.release();
  child.has_locals = child.bequeaths = true;
}

}  // namespace weft::detail
