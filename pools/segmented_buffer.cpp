#include <weft/pools/segmented_buffer.hpp>

#include <algorithm>

#include <weft/runtime/base/byte_kernels.hpp>

namespace weft {

segmented_buffer::segmented_buffer(segmented_buffer&& other) noexcept
    : ring_{std::move(other.ring_)},
      capacity_{std::exchange(other.capacity_, 0)},
      first_{std::exchange(other.first_, 0)},
      count_{std::exchange(other.count_, 0)},
      size_{std::exchange(other.size_, 0)},
      copied_bytes_{std::exchange(other.copied_bytes_, 0)} {}

segmented_buffer& segmented_buffer::operator=(segmented_buffer&& other) noexcept {
  segmented_buffer old{std::move(*this)};
  ring_ = std::move(other.ring_);
  capacity_ = std::exchange(other.capacity_, 0);
  first_ = std::exchange(other.first_, 0);
  count_ = std::exchange(other.count_, 0);
  size_ = std::exchange(other.size_, 0);
  copied_bytes_ = std::exchange(other.copied_bytes_, 0);
  return *this;
}

void segmented_buffer::grow() {
  const std::size_t wanted = std::max(ring_min, capacity_ * 2);
  auto wider = std::make_unique<bytes[]>(wanted);
  for (std::size_t i = 0; i < count_; ++i) wider[i] = std::move(ring_[place(i)]);
  ring_ = std::move(wider);
  capacity_ = wanted;
  first_ = 0;
}

void segmented_buffer::append(bytes slice) {
  if (slice.empty()) return;
  if (count_ == capacity_) grow();
  size_ += slice.size();
  ring_[place(count_++)] = std::move(slice);
}

void segmented_buffer::append(segmented_buffer&& other) {
  WEFT_ASSERT(&other != this, "appended to itself");
  while (!other.empty()) append(other.pop_front());
}

/// The first slice, whole.
bytes segmented_buffer::pop_front() noexcept {
  bytes front = std::move(ring_[first_]);
  first_ = place(1);
  --count_;
  size_ -= front.size();
  return front;
}

std::span<const iovec> segmented_buffer::gather(std::span<iovec> list, std::size_t bytes_max) const noexcept {
  std::size_t used = 0;
  for (; used < count_ && used < list.size() && bytes_max != 0; ++used) {
    const bytes& slice = ring_[place(used)];
    const std::size_t length = std::min(slice.size(), bytes_max);
    list[used] = {const_cast<std::byte*>(slice.data()), length};  // writev only reads there
    bytes_max -= length;
  }
  return list.first(used);
}

void segmented_buffer::consume(std::size_t length) noexcept {
  WEFT_ASSERT(length <= size_, "more is consumed than there is");
  while (length != 0) {
    bytes& front = ring_[first_];
    if (length < front.size()) {
      front.remove_prefix(length);
      size_ -= length;
      return;
    }
    length -= front.size();
    (void)pop_front();
  }
}

bytes segmented_buffer::take(std::size_t length) {
  WEFT_ASSERT(length <= size_, "more is taken than there is");
  if (length == 0) return {};
  bytes& front = ring_[first_];
  if (length == front.size()) return pop_front();
  if (length < front.size()) {
    size_ -= length;
    return front.split_front(length);
  }
  buffer whole{length};
  copy_to(whole);
  copied_bytes_ += length;
  consume(length);
  return whole;
}

segmented_buffer segmented_buffer::split_front(std::size_t length) {
  WEFT_ASSERT(length <= size_, "more is taken than there is");
  segmented_buffer front;
  while (length != 0) {
    const std::size_t step = std::min(length, ring_[first_].size());
    front.append(take(step));
    length -= step;
  }
  return front;
}

std::size_t segmented_buffer::copy_to(std::span<std::byte> to, std::size_t offset) const noexcept {
  std::size_t done = 0;
  for (std::size_t i = 0; i < count_ && done < to.size(); ++i) {
    const bytes& slice = ring_[place(i)];
    if (offset >= slice.size()) {
      offset -= slice.size();
      continue;
    }
    const std::size_t length = std::min(slice.size() - offset, to.size() - done);
    simd::copy(to.subspan(done), byte_view{slice.data() + offset, length});
    done += length;
    offset = 0;
  }
  return done;
}

std::size_t segmented_buffer::find_byte(std::byte what, std::size_t offset) const noexcept {
  std::size_t before = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const bytes& slice = ring_[place(i)];
    if (offset < before + slice.size()) {
      const std::size_t skipped = offset > before ? offset - before : 0;
      const std::size_t at = simd::find_byte(byte_view{slice}.subspan(skipped), what);
      if (skipped + at < slice.size()) return before + skipped + at;
    }
    before += slice.size();
  }
  return size_;
}

}  // namespace weft
