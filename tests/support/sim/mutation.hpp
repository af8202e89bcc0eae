// Taking one operation out of a protocol, by the place where it is written, to show that the tests would
// notice.
//
// No library code takes part: each step knows its source_location, and the simulator does not carry out the
// one that the mutation names. A survey lists the places that a protocol passes through, so that a test can
// require that each of them, mutated, makes some seed fail; the ones that need not are listed by the test
// with the reason.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <sim/record.hpp>
#include <sim/step.hpp>

namespace weft {

struct mutation {
  enum class change : std::uint8_t {
    drop,  // a store or a read-modify-write only loads; a load sees the value before the last change; a wake
           // wakes nobody
    tear,  // a read-modify-write becomes a load and, a step later, a store
  };

  std::string file;  // the end of its path: "inbox.hpp"
  unsigned line = 0;
  unsigned column = 0;  // 0: any
  change how = change::drop;
};

/// Mutates every world while it lives.
class scoped_mutation {
 public:
  explicit scoped_mutation(const mutation& m);
  scoped_mutation(const scoped_mutation&) = delete;
  scoped_mutation& operator=(const scoped_mutation&) = delete;
  ~scoped_mutation();
};

namespace detail {

extern bool mutation_on;
inline bool mutation_or_survey_active() noexcept { return mutation_on; }

/// Whether some load is mutated, so that changes must be remembered.
bool mutation_needs_values() noexcept;

step_verdict mutated(step_kind kind, const std::source_location& site) noexcept;

void remember_change(const volatile void* address, std::uint64_t before, std::uint64_t after) noexcept;
void forget_changes() noexcept;

/// While on, every place that makes a step is put into the record.
void set_survey(bool on) noexcept;

/// A load, store, read-modify-write or wake: what a mutation can take out.
bool can_drop(step_kind kind) noexcept;
bool can_tear(step_kind kind) noexcept;

}  // namespace detail
}  // namespace weft
