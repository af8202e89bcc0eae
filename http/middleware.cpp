#include <weft/http/middleware.hpp>

#include <weft/http/response.hpp>

namespace weft::http {

result<void> next::operator()() const { return of_.run(at_, request_, response_); }

namespace detail {

// Drops what the handler has set when it fails or throws.
struct chain::undo {
  ~undo() {
    if (!succeeded) of.drop_since(mark);
  }

  response& of;
  std::size_t mark;
  bool succeeded = false;
};

result<void> chain::operator()(request& q, response& s) const {
  s.keep_fields();
  return run(0, q, s);
}

result<void> chain::run(std::size_t from, request& q, response& s) const {
  if (from < around_.size()) return (*around_[from])(q, s, next{*this, from + 1, q, s});
  undo handler{.of = s, .mark = s.mark()};
  const result<void> outcome = (*inside_)(q, s);
  handler.succeeded = outcome.has_value();
  return outcome;
}

}  // namespace detail
}  // namespace weft::http
