#include <weft/runtime/trace/thread_ring.hpp>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <random>
#include <utility>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/trace/mode.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::trace::detail {

constinit weft::detail::exposed<std::uint32_t> mode;
constinit weft::detail::exposed<std::uint32_t> ring_generation;

namespace {

constexpr std::size_t ended_max = 64;  // rings of threads that have ended; a guess

// Never destroyed: threads end after static objects do.
struct registry {
  weft::detail::thread_mutex lock;  // guards all of it
  std::vector<std::unique_ptr<thread_ring>> rings;
  std::size_t records = 8192;

  void drop(const thread_ring& which) {
    std::erase_if(rings, [&](const auto& r) { return r.get() == &which; });
  }
};

registry& all() {
  static registry& instance = *new registry;
  return instance;
}

std::uint64_t random_start() {
  std::random_device random;
  return static_cast<std::uint64_t>(random()) << 32 | random();
}

std::string thread_name() {
  char text[16] = "";
  (void)::pthread_getname_np(::pthread_self(), text, sizeof text);
  if (const weft::detail::worker* const here = weft::detail::worker::current())
    return "worker " + std::to_string(here->index()) + " (" + text + ")";
  return text;
}

// At the end of a thread.
void leave_ring() noexcept {
  thread_ring* const own = std::exchange(weft::detail::this_thread.ring, nullptr);
  if (own == nullptr) return;
  registry& r = all();
  const std::lock_guard hold{r.lock};
  if (own->generation != ring_generation.get()) return r.drop(*own);
  own->ended = true;
  std::size_t ended = 0;
  for (const auto& other : r.rings) ended += other->ended ? 1 : 0;
  if (ended <= ended_max) return;
  const auto oldest = std::ranges::find_if(r.rings, [](const auto& other) { return other->ended; });
  r.rings.erase(oldest);
}

}  // namespace

thread_ring::thread_ring(std::size_t room, std::uint32_t generation_)
    : records{room},
      generation{generation_},
      thread{static_cast<std::uint64_t>(::gettid())},
      name{thread_name()},
      high{random_start()},
      low{random_start()} {}

void prepare_ring() noexcept {
  struct leaver {
    ~leaver() { leave_ring(); }
  };
  [[maybe_unused]] static thread_local leaver at_thread_exit;
  thread_ring*& own = weft::detail::this_thread.ring;
  registry& r = all();
  const std::lock_guard hold{r.lock};
  if (own != nullptr && own->generation == ring_generation.get()) return;
  if (own != nullptr) r.drop(*std::exchange(own, nullptr));
  try {
    r.rings.reserve(r.rings.size() + 1);
    r.rings.push_back(std::make_unique<thread_ring>(r.records, ring_generation.get()));
    own = r.rings.back().get();
  } catch (const std::exception&) {  // no memory, or no randomness: then nothing is traced
    own = nullptr;
  }
}

// A fiber's stack has no room to make one. Where weft's own code runs on it, the worker soon does so between
// two batches, and until then what is recorded goes where nobody reads it.
thread_ring* renewed_ring() noexcept {
  weft::detail::worker* const here = weft::detail::worker::current();
  if (here == nullptr) prepare_ring();
  else if (weft::detail::fiber* const self = here->running())
    here->call_on_thread_stack(*self, [](void*) noexcept { prepare_ring(); }, nullptr);
  return weft::detail::this_thread.ring;
}

void write(record& r) noexcept {
  thread_ring* const own = own_ring();
  if (own == nullptr) return;
  r.time = weft::detail::steady_ns();
  own->records.write(r);
}

void renew_rings(std::size_t records) {
  registry& r = all();
  const std::lock_guard hold{r.lock};
  r.records = records;
  ring_generation.set(ring_generation.get() + 1);
  std::erase_if(r.rings, [](const auto& ring) { return ring->ended; });
}

std::vector<recording::track> read_rings() {
  registry& r = all();
  const std::lock_guard hold{r.lock};
  std::vector<recording::track> tracks;
  tracks.reserve(r.rings.size());
  for (const auto& own : r.rings) {
    if (own->generation != ring_generation.get()) continue;
    recording::track& t = tracks.emplace_back(own->thread, own->name);
    t.lost = own->records.read(t.records);
  }
  return tracks;
}

}  // namespace weft::trace::detail
