#include <weft/http/files/directory_listing.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
}

void append_link(std::string& out, std::string_view name) {
  constexpr std::string_view unreserved = "-._~";
  for (const char c : name) {
    const char lower = to_lower(c);
    if ((lower >= 'a' && lower <= 'z') || is_digit(c) || unreserved.find(c) != unreserved.npos) {
      out += c;
      continue;
    }
    const unsigned byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex_digit(byte >> 4);
    out += hex_digit(byte);
  }
}

}  // namespace

std::string directory_listing(std::string_view title, std::vector<io::directory_entry> entries,
                              bool with_parent, bool whole) {
  std::ranges::sort(entries, {}, &io::directory_entry::name);
  std::string page{"<!doctype html>\n<meta charset=\"utf-8\">\n<title>"};
  append_escaped(page, title);
  page += "</title>\n<h1>";
  append_escaped(page, title);
  page += "</h1>\n<ul>\n";
  if (with_parent) page += "<li><a href=\"../\">../</a>\n";
  for (const io::directory_entry& e : entries) {
    const std::string_view slash = e.kind == io::file_kind::directory ? "/" : "";
    page += "<li><a href=\"./";
    append_link(page, e.name);
    page.append(slash).append("\">");
    append_escaped(page, e.name);
    page.append(slash).append("</a>\n");
  }
  return page += whole ? "</ul>\n" : "</ul>\n<p>There are more, which are not shown.\n";
}

}  // namespace weft::http::detail
