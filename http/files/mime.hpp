// What kind of content a file holds, by the end of its name: the Content-Type that it is served with.
//
// A table and no guess by content: a browser that is told one thing and finds another decides by itself, and
// that has turned uploaded pictures into scripts. Source: the registry of IANA, and RFC 9239 for JavaScript.
#pragma once

#include <string_view>

namespace weft::http {

/// "text/html; charset=utf-8" for "a/index.html". What has no extension, or one that the table does not
/// know, is application/octet-stream, which browsers save and do not show. Case does not matter.
///
/// Cost       a binary search.
std::string_view mime_type(std::string_view file_name) noexcept;

}  // namespace weft::http
