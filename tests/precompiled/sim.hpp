// For simulated worlds, and the library under them.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/runtime.hpp>
