// What nearly every file of http includes, parsed once instead of once per file: a third of the time that
// they take to build. Each file still includes what it uses; clang-tidy's build reads the headers as text.
#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/net/tcp_listener.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
