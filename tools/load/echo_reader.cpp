#include "echo_reader.hpp"

#include <algorithm>

weft::result<answer> echo_reader::next(weft::net::tcp_stream& from, weft::deadline until) {
  bool same = true;
  for (std::string_view left = message_; !left.empty();) {
    if (input_.empty()) WEFT_TRY(fetch(from, until));
    const std::string_view here = input_.unread().substr(0, left.size());
    same = same && left.starts_with(here);
    input_.consume(here.size());
    left.remove_prefix(here.size());
  }
  // Where the next message begins, nobody knows once one was another.
  return answer{.at = read_at_,
                .bytes = message_.size(),
                .wrong = same ? failure::none : failure::content,
                .goes_on = same};
}
