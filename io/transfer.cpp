#include <weft/io/transfer.hpp>

#include <weft/io/transfer_work.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::io {

using detail::transfer_work;

const char* to_string(transfer_way way) noexcept {
  switch (way) {
    case transfer_way::none: return "none";
    case transfer_way::sendfile: return "sendfile";
    case transfer_way::splice: return "splice";
    case transfer_way::tee: return "tee";
    case transfer_way::copy_file_range: return "copy_file_range";
    case transfer_way::zero_copy: return "zero_copy";
    case transfer_way::copying: return "copying";
  }
  return "unknown";
}

transfer_result transfer(transfer_end source, transfer_end target, std::uint64_t n, deadline until,
                         transfer_way by) {
  WEFT_ASSERT(by != transfer_way::tee && by != transfer_way::zero_copy, "no transfer goes that way");
  return transfer_work{source, target, n, until}.run(by);
}

transfer_result sendfile(transfer_end source, transfer_end target, std::uint64_t n, deadline until) {
  return transfer(source, target, n, until, transfer_way::sendfile);
}

transfer_result splice(transfer_end source, transfer_end target, std::uint64_t n, deadline until) {
  return transfer(source, target, n, until, transfer_way::splice);
}

transfer_result copy_file_range(transfer_end source, transfer_end target, std::uint64_t n, deadline until) {
  return transfer(source, target, n, until, transfer_way::copy_file_range);
}

transfer_result tee(transfer_end source, transfer_end target, std::uint64_t n, deadline until) {
  return transfer_work{source, target, n, until}.run_tee();
}

}  // namespace weft::io
