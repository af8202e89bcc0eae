#include <weft/runtime/foreign_use.hpp>

#include <mutex>

#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {
namespace {

constinit thread_mutex keepers_lock;
constinit unsigned keepers = 0;  // guarded by keepers_lock

}  // namespace

constinit std::array<exposed<bool>, std::size_t{1} << foreign_use::index_bits> foreign_use::marks;
constinit exposed<bool> foreign_use::any;

foreign_use::keeper::keeper() noexcept {
  const std::lock_guard hold{keepers_lock};
  ++keepers;
}

foreign_use::keeper::~keeper() {
  const std::lock_guard hold{keepers_lock};
  if (--keepers != 0 || !any.get()) return;
  any.set(false);
  for (exposed<bool>& mark : marks) mark.set(false);
}

}  // namespace weft::detail
