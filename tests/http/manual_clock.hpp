// The steady clock of a test that links manual_clock.cpp: it stands still but for the test.
#pragma once

#include <cstdint>

/// In ns.
extern std::int64_t clock_now;
