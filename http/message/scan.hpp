// The byte classes of a message head, and the functions that skip over a run of one class.
//
// The parser examines input through these alone, so that they can be replaced as one: by vector code, or by
// counters in the test that shows linear cost. Each returns the first byte of [first, last) that is not of
// its class, or last. Source: RFC 9110, section 5.6.2 (token) and 5.5 (field-value); RFC 9112, section 3.2
// (request-target).
#pragma once

namespace weft::http::detail {

/// token: letters, digits and !#$%&'*+-.^_`|~
const char* scan_token(const char* first, const char* last) noexcept;

/// What a request-target may hold: visible ASCII but for `#`, which clients must not send, and `\`, which
/// some read as `/`.
const char* scan_target(const char* first, const char* last) noexcept;

/// What a field value may hold: HT, SP, visible ASCII, and 0x80 upward (obs-text).
const char* scan_value(const char* first, const char* last) noexcept;

/// Whether `c` may stand in a token.
bool is_token(char c) noexcept;

}  // namespace weft::http::detail
