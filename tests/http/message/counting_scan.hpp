// How many bytes the parser has looked at: see counting_scan.cpp.
#pragma once

#include <cstddef>

extern std::size_t bytes_examined;
