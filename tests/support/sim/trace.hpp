// The last steps of a world, for people.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>

#include <sim/step.hpp>

namespace weft::detail {

struct simulator;
struct simulated_thread;

/// From now on, worlds record their steps, or no longer do.
void set_trace(bool on) noexcept;

extern bool trace_on;
inline bool trace_active() noexcept { return trace_on; }

void trace_begin(simulator& world) noexcept;
/// The test has said what it had to say: if it failed, then by steps up to here.
void mark_end_of_test() noexcept;
void trace_end() noexcept;
void trace_thread(const simulated_thread& t) noexcept;
void trace_step(const simulated_thread& self, step_kind kind, step_verdict verdict,
                const volatile void* address, const std::source_location& site, std::int64_t now,
                std::uint64_t number) noexcept;

/// Names an address in reports, until its world ends.
void set_label(const volatile void* address, std::string_view name);

/// "head", or "@3" for the third address that was asked about.
std::string label_of(const volatile void* address);

/// "inbox.hpp:34".
std::string place_of(const std::source_location& site);

/// The record's last `most` steps, one per line; or the last before mark_end_of_test().
std::string trace_text(std::size_t most, bool of_test = false);

}  // namespace weft::detail
