// The options of most runtimes that tests make.
#pragma once

#include <reports.hpp>
#include <weft/runtime/options.hpp>

namespace weft_test {

/// `n` workers; what they report goes to `reports`; stalls do not.
inline weft::options with_workers(unsigned n) {
  weft::options o;
  o.workers = n;
  o.error_sink = reports::sink;
  o.stall = {};  // whether a test stalls depends on what else the machine does
  return o;
}

}  // namespace weft_test
