// What a stored response is found by: host, path and query, and what of the request its Vary names.
//
// GET and HEAD share a key. The path is that of the target as it was sent, so that two paths which a handler
// could tell apart never share one. Queries are sorted by name, as far as that cannot change their meaning:
// those of one name stay in order, and where a name is encoded, and may equal another one, nothing is sorted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::http::detail {

/// The parameters of a raw query sorted by name, without those that are nothing; the query as it is if there
/// are more than 32 of them, or if a name holds % or +.
std::string sorted_query(std::string_view query);

/// The key of a request with that Host and target. NUL stands between its parts, since none can hold it.
std::string cache_key(std::string_view host, std::string_view target);

/// What of such a key is the host and the path.
std::string_view path_of_key(std::string_view key) noexcept;

}  // namespace weft::http::detail
