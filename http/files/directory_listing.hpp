// What is in a directory, as a page of links.
//
// Names are anything that a file system lets through, so they are escaped twice over: as HTML where they are
// shown, and percent-encoded where they are a link, which begins with ./ so that no name reads as a scheme.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weft/io/filesystem.hpp>

namespace weft::http::detail {

/// `title`: what the page is called, any text. Entries are sorted by name, directories end with a slash;
/// `with_parent`: a link to what is above comes first. Unless these are all (`whole`), the page says so.
std::string directory_listing(std::string_view title, std::vector<io::directory_entry> entries,
                              bool with_parent, bool whole);

}  // namespace weft::http::detail
