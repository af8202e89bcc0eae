#include "answer_reader.hpp"

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/errc.hpp>

weft::result<void> answer_reader::fetch(weft::net::tcp_stream& from, weft::deadline until) {
  const std::size_t count = WEFT_TRY(from.read(input_.space(), until));
  read_at_ = weft::detail::steady_ns();
  if (count == 0) return std::unexpected(weft::errc::end_of_stream);
  input_.added(count);
  return {};
}
