// A response that is always the same, for a route or for response::send(): built once, sent by copying.
#pragma once

#include <memory>
#include <string_view>

#include <weft/http/message/status.hpp>
#include <weft/http/response_block.hpp>

namespace weft::http {

class precompiled {
 public:
  /// With the fields Date, Content-Type and Content-Length, and Connection where it is needed. The text is
  /// copied; that `content_type` can be a field value is asserted.
  precompiled(status s, std::string_view content_type, std::string_view body);

  /// For weft itself.
  const detail::response_block& block() const noexcept { return *block_; }

 private:
  std::shared_ptr<const detail::response_block>
      block_;  // shared, so that a response may outlive the object it was told to send
};

}  // namespace weft::http
