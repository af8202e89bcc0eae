#include <weft/io/batch.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <weft/io/cached_read.hpp>

namespace weft::io {

using detail::operation_code;
using detail::outcome;
using detail::pending_operation;
using asked_by = pending_operation::asked_by;

/// One transfer, from wait_all()'s beginning to its end.
struct batch::item : detail::operation, detail::descriptor_user {
  item() noexcept
      : descriptor_user{[](descriptor_user& u) noexcept { static_cast<item&>(u).ask(asked_by::close); }} {
    complete = completed;
  }

  static void completed(operation& self, int result, bool more) noexcept;

  void ask(asked_by who_asks) noexcept {
    if (asked == asked_by::nobody) asked = who_asks;
    else return;
    if (in_flight) detail::worker::current()->io().cancel(*this);
  }

  // Has ended without what it was asked for, and nobody wanted that: EINTR, or a descriptor that says EAGAIN.
  bool must_go_on() const noexcept {
    return asked == asked_by::nobody && (ended == -EINTR || ended == -EAGAIN);
  }

  gathering* with = nullptr;
  std::size_t from_cache = 0;  // bytes that were there at once
  outcome ended = 0;
  asked_by asked = asked_by::nobody;
  bool entered = false;    // its use of the file is counted
  bool open = false;       // not served yet
  bool in_flight = false;  // the poller has it
};

/// The wait for all of them. Neither a deadline nor a stop ends it: they ask each to end.
struct batch::gathering : detail::wait {
  explicit gathering(std::span<item> all_) noexcept : wait{/*cancellable=*/true}, all{all_} {
    interrupt = [](wait& self, detail::wake_reason reason) noexcept {
      const auto why = reason == detail::wake_reason::timed_out ? asked_by::deadline : asked_by::stop;
      for (item& i : static_cast<gathering&>(self).all)
        if (i.in_flight) i.ask(why);
    };
  }

  std::span<item> all;
  std::size_t in_flight = 0;
};

void batch::item::completed(operation& self, int result, bool) noexcept {
  auto& i = static_cast<item&>(self);
  i.ended = result;
  i.in_flight = false;
  gathering& all = *i.with;
  if (--all.in_flight != 0) return;
  detail::parker* const who = all.who;
  who->end(all.number);  // nobody else can: those who interrupt only ask
  who->resume();
}

// --- adding

batch::batch() noexcept = default;
batch::~batch() = default;

std::size_t batch::add(const request& r) {
  requests_.push_back(r);
  return requests_.size() - 1;
}

std::size_t batch::read(file& from, std::span<std::byte> into, std::uint64_t offset) {
  return add({operation_code::read, &from, -1, into.data(), into.size(), offset});
}

std::size_t batch::readv(file& from, std::span<const iovec> into, std::uint64_t offset) {
  return add({operation_code::readv, &from, -1, const_cast<iovec*>(into.data()), into.size(), offset});
}

std::size_t batch::write(file& to, byte_view bytes, std::uint64_t offset) {
  return add({operation_code::write, &to, -1, const_cast<std::byte*>(bytes.data()), bytes.size(), offset});
}

std::size_t batch::writev(file& to, std::span<const iovec> bytes, std::uint64_t offset) {
  return add({operation_code::writev, &to, -1, const_cast<iovec*>(bytes.data()), bytes.size(), offset});
}

std::size_t batch::read(int from, std::span<std::byte> into, std::uint64_t offset) {
  return add({operation_code::read, nullptr, from, into.data(), into.size(), offset});
}

std::size_t batch::write(int to, byte_view bytes, std::uint64_t offset) {
  return add(
      {operation_code::write, nullptr, to, const_cast<std::byte*>(bytes.data()), bytes.size(), offset});
}

// --- doing

std::span<const result<std::size_t>> batch::wait_all(deadline until) {
  const std::size_t count = requests_.size();
  results_.assign(count, std::size_t{0});
  if (room_ < count) {
    room_ = std::max(count, 2 * room_);
    items_ = std::make_unique<item[]>(room_);
  }
  bool cached_so_far = true;
  for (std::size_t i = 0; i < count; ++i) begin(cached_so_far, i);
  if (detail::current_fiber() != nullptr) gather(until);
  for (std::size_t i = 0; i < count; ++i) finish(i, until);
  requests_.clear();
  return results_;
}

void batch::begin(bool& cached_so_far, std::size_t index) {
  const request& r = requests_[index];
  item& i = items_[index];
  std::destroy_at(&i);
  std::construct_at(&i);
  if (r.of != nullptr) {
    i.entered = r.of->descriptor_.enter();
    if (!i.entered) {
      results_[index] = std::unexpected(errc::closed);
      return;
    }
  }
  if (cached_so_far && r.code == operation_code::read && r.of != nullptr && !r.of->direct_) {
    const std::size_t size = std::min(r.length, pending_operation::length_max);
    const auto found = detail::read_cached(r.of->native_handle(), {static_cast<std::byte*>(r.address), size},
                                           static_cast<std::int64_t>(r.offset));
    i.from_cache = found.bytes;
    results_[index] = found.bytes;
    if (found.to_the_end) return detail::count_immediate_read();
    cached_so_far = false;
  }
  i.open = true;
  i.code = r.code;
  i.fd = r.of != nullptr ? r.of->native_handle() : r.fd;
  i.offset = static_cast<std::int64_t>(r.offset + i.from_cache);
  const bool one_buffer = r.code == operation_code::read || r.code == operation_code::write;
  i.address = one_buffer ? static_cast<std::byte*>(r.address) + i.from_cache : r.address;
  i.length = static_cast<std::uint32_t>(std::min(r.length - i.from_cache, pending_operation::length_max));
}

// Submits all that is open, and waits for the last of it. What must go on stays open.
void batch::gather(deadline until) noexcept {
  gathering all{{items_.get(), requests_.size()}};
  for (std::size_t n = 0; n < requests_.size(); ++n) {
    item& i = items_[n];
    if (!i.open) continue;
    if (file* const of = requests_[n].of; of != nullptr && !of->descriptor_.begin_use(i)) {
      results_[n] = std::unexpected(errc::closed);
      i.open = false;
      continue;
    }
    i.with = &all;
    i.in_flight = true;
    ++all.in_flight;
    detail::worker::current()->io().submit(i);
  }
  if (all.in_flight == 0) return;
  park(all, until, detail::park_reason::io);
  for (std::size_t n = 0; n < requests_.size(); ++n) {
    item& i = items_[n];
    if (i.with == nullptr) continue;
    if (file* const of = requests_[n].of) of->descriptor_.end_use(i);
    if (i.must_go_on()) continue;
    i.open = false;
    const outcome o = final_outcome(i.ended, i.asked);
    if (o >= 0) results_[n] = i.from_cache + static_cast<std::size_t>(o);
    else if (i.from_cache == 0) results_[n] = std::unexpected(detail::error_of(o));
  }
}

// What is still open: all of it on a foreign thread, and what must go on, one after the other.
void batch::finish(std::size_t index, deadline until) noexcept {
  const request& r = requests_[index];
  item& i = items_[index];
  if (i.open) {
    pending_operation p{i.code, i.fd};
    p.address = i.address;
    p.length = i.length;
    p.offset = i.offset;
    const outcome o = r.of != nullptr ? r.of->descriptor_.perform(p, until) : detail::perform(p, until);
    if (o >= 0) results_[index] = i.from_cache + static_cast<std::size_t>(o);
    else if (i.from_cache == 0) results_[index] = std::unexpected(detail::error_of(o));
  }
  if (i.entered) r.of->descriptor_.leave();
}

}  // namespace weft::io
