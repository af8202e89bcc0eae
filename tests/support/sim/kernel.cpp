#include <sim/kernel.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <source_location>
#include <utility>
#include <vector>

#include <sim/simulator.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
namespace {

kernel_script the_script;

class simulated_poller;
std::vector<const simulated_poller*> all_pollers;

class simulated_poller final : public poller {
 public:
  simulated_poller() : world_{*active_simulator} { all_pollers.push_back(this); }
  ~simulated_poller() override {
    WEFT_ASSERT(pending_.empty(), "a poller died with operations in flight");
    std::erase(all_pollers, this);
  }

  // Who notifies a poller that is gone shall crash, not corrupt: the memory is cleared and never used again.
  static void* operator new(std::size_t size) { return ::operator new(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    std::memset(memory, 0, size);
    asm volatile("" : : "r"(memory) : "memory");
  }

  void submit(operation& op) noexcept override {
    ++counters_.submitted;
    const kernel_answer answer =
        the_script ? the_script(op, world_.random) : random_answer(op, world_.random);
    pending_.push_back(
        {&op, answer.result, answer.never ? simulator::never : world_.now + answer.after.count()});
  }

  void cancel(operation& op) noexcept override {
    ++counters_.cancelled;
    const auto found = std::ranges::find(pending_, &op, &in_flight_operation::op);
    WEFT_ASSERT(found != pending_.end(), "cancelled an operation that is not in flight");
    const bool its_own_result_is_faster =
        found->due <= world_.now || (found->due != simulator::never && world_.random.one_in(4));
    if (its_own_result_is_faster) return;
    found->result = -ECANCELED;
    found->due = std::min(found->due, world_.now + some_delay(world_.random).count());
  }

  bool ready() const noexcept override { return notified_ || earliest() <= world_.now; }

  void turn(deadline until) noexcept override {
    world_.decide(step_kind::poll, this, std::source_location::current());
    ++counters_.enters;
    bool slept = false;
    while (!std::exchange(notified_, false) && !deliver()) {
      if (until.is_past() || until.at <= world_.now) break;
      slept = true;
      world_.block(this, std::min(until.at, earliest()));
    }
    if (slept) ++counters_.sleeps;
    deliver();
  }

  void notify() noexcept override {
    if (world_.decide(step_kind::notify, this, std::source_location::current()) == step_verdict::dropped)
      return;
    notified_ = true;
    world_.wake(this, 1);
  }

  std::size_t in_flight() const noexcept override { return pending_.size(); }
  const char* name() const noexcept override { return "sim"; }

  template <class F>
  std::size_t count(F f) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(pending_, [&](const in_flight_operation& p) { return f(*p.op); }));
  }

  static std::chrono::nanoseconds some_delay(random_source& random) noexcept {
    return std::chrono::nanoseconds{random.one_in(2) ? 0 : 1'000 * random.below(200)};
  }

 private:
  struct in_flight_operation {
    operation* op;
    int result;
    std::int64_t due;
  };

  std::int64_t earliest() const noexcept {
    std::int64_t at = simulator::never;
    for (const in_flight_operation& p : pending_) at = std::min(at, p.due);
    return at;
  }

  // Completes what is due, in any order; what the completions submit waits for the next turn.
  bool deliver() noexcept {
    std::vector<in_flight_operation> due;
    for (std::size_t i = 0; i < pending_.size();) {
      if (pending_[i].due > world_.now) {
        ++i;
        continue;
      }
      due.push_back(pending_[i]);
      pending_[i] = pending_.back();
      pending_.pop_back();
    }
    for (std::size_t left = due.size(); left > 0; --left) {
      std::swap(due[world_.random.below(left)], due[left - 1]);
      const in_flight_operation& p = due[left - 1];
      ++counters_.completed;
      p.op->complete(*p.op, p.result, /*more=*/false);
    }
    return !due.empty();
  }

  simulator& world_;
  bool notified_ = false;
  std::vector<in_flight_operation> pending_;
};

}  // namespace

void set_kernel_script(kernel_script script) { the_script = std::move(script); }

kernel_answer random_answer(const operation& op, random_source& random) {
  kernel_answer answer{.result = 0, .after = simulated_poller::some_delay(random)};
  switch (op.code) {
    case operation_code::read:
    case operation_code::write:
    case operation_code::recv:
    case operation_code::send:
      answer.result = op.length == 0 ? 0 : static_cast<int>(1 + random.below(op.length));
      break;
    case operation_code::poll:
      answer.result = static_cast<int>(op.flags);
      answer.never = random.one_in(4);
      break;
    case operation_code::accept:
    case operation_code::accept_many: answer.never = true; break;
    default: break;
  }
  return answer;
}

std::size_t operations_in_flight(int fd) {
  std::size_t n = 0;
  for (const simulated_poller* const p : all_pollers)
    n += p->count([&](const operation& op) { return op.fd == fd; });
  return n;
}

std::size_t operations_in_flight(int fd, operation_code code) {
  std::size_t n = 0;
  for (const simulated_poller* const p : all_pollers)
    n += p->count([&](const operation& op) { return op.fd == fd && op.code == code; });
  return n;
}

std::unique_ptr<poller> make_simulated_poller() { return std::make_unique<simulated_poller>(); }

result<std::unique_ptr<poller>> make_poller(const poller_options&) { return make_simulated_poller(); }

}  // namespace weft::detail
