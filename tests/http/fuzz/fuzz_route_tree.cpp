// Any patterns and any path: what is found lies in the path, and what every pattern says of itself is found.
//
// The input's lines are patterns; the last one is a path.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/message/target.hpp>
#include <weft/http/pattern.hpp>
#include <weft/http/route_table.hpp>
#include <weft/http/route_tree.hpp>

using namespace weft::http::detail;

namespace {

// A path that matches `p`, and no pattern that is more specific than p unless it has the same text.
std::string path_for(const pattern& p) {
  std::string path;
  for (const pattern::part& part : p.parts) {
    if (part.is != pattern::kind::literal) path += "~0";
    else
      for (const char c : part.text)
        path += c == encoded_slash ? "%2F" : c == '%' ? "%25" : std::string(1, c);
  }
  return path;
}

void check(const route_tree& tree, const std::string& path, bool must_be_found) {
  std::string decoded(path.size(), ' ');
  if (!path.starts_with('/') || decode_percent(path, decoded.data()) == undecodable) return;
  parameter_values values;
  const resource* const found = tree.find(path, values);
  if (found == nullptr) {
    if (must_be_found) std::abort();
    return;
  }
  if (values.count > parameters_max) std::abort();
  const char* at = path.data();
  for (std::size_t i = 0; i < values.count; ++i) {
    if (values.all[i].data() <= at || values.all[i].data() + values.all[i].size() > path.data() + path.size())
      std::abort();
    at = values.all[i].data();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  route_tree tree;
  std::deque<resource> resources;
  std::vector<pattern> patterns;
  for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
    pattern p;
    if (!parse_pattern(text.substr(0, end), p)) continue;
    const resource*& place = tree.at(p);
    if (place == nullptr) place = &resources.emplace_back();
    patterns.push_back(std::move(p));
  }
  check(tree, std::string{text}, false);
  for (const pattern& p : patterns) check(tree, path_for(p), true);
  return 0;
}
