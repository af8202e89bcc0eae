#include <weft/http/precompiled.hpp>

#include <string>

#include <weft/http/message/scan.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

precompiled::precompiled(status s, std::string_view content_type, std::string_view body) {
  const char* const end = content_type.data() + content_type.size();
  WEFT_ASSERT(detail::scan_value(content_type.data(), end) == end,
              "a content type cannot hold control characters");
  WEFT_ASSERT(static_cast<int>(s) >= 200, "an interim status is not a response");
  const std::string field = content_type.empty() ? "" : "Content-Type: " + std::string{content_type} + "\r\n";
  block_ = std::make_shared<const detail::response_block>(s, field, body);
}

}  // namespace weft::http
