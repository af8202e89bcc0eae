#include <weft/http/message/preconditions.hpp>

#include <weft/http/message/date_parser.hpp>
#include <weft/http/message/entity_tag.hpp>

namespace weft::http::detail {
namespace {

// The date of a field that is only a condition if it is one.
std::optional<std::int64_t> date_of(std::optional<std::string_view> field, const validators& v) noexcept {
  if (!field || !v.modified) return std::nullopt;
  return parse_date(*field, v.now);
}

}  // namespace

condition_answer evaluate(const conditions& c, const validators& v, bool reads) noexcept {
  if (c.if_match) {
    if (!holds_tag(*c.if_match, v.etag, matches_strongly)) return condition_answer::precondition_failed;
  } else if (const auto date = date_of(c.if_unmodified_since, v); date && *v.modified > *date) {
    return condition_answer::precondition_failed;
  }
  if (c.if_none_match) {
    if (holds_tag(*c.if_none_match, v.etag, matches_weakly))
      return reads ? condition_answer::not_modified : condition_answer::precondition_failed;
  } else if (reads) {
    if (const auto date = date_of(c.if_modified_since, v); date && *v.modified <= *date)
      return condition_answer::not_modified;
  }
  return condition_answer::go_on;
}

bool range_counts(const conditions& c, const validators& v) noexcept {
  if (!c.if_range) return true;
  if (c.if_range->starts_with('"') || c.if_range->starts_with("W/"))
    return matches_strongly(*c.if_range, v.etag);
  // A date is a strong validator only once it cannot be that of two versions: section 8.8.2.2.
  const auto date = date_of(c.if_range, v);
  return date && *date == *v.modified && !may_change_unseen({*v.modified}, v.now);
}

}  // namespace weft::http::detail
