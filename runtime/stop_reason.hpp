// Why something was asked to stop. It changes nothing about the stop; it is for who writes the log line.
#pragma once

#include <cstdint>

namespace weft {

enum class stop_reason : std::uint8_t {
  user,      // request_stop(), or a stop token
  timeout,   // a deadline has passed
  parent,    // its owner, the scope that it belongs to, or the runtime ends
  resource,  // there is too much to do: for who sheds load
  error,     // a sibling has failed
};

}  // namespace weft
