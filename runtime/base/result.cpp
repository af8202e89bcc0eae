#include <weft/runtime/base/result.hpp>

#include <cstdio>
#include <string>

namespace weft::detail {

int report_failure(const std::error_code& error, std::string_view doing) noexcept {
  const std::string message = error.message();
  if (doing.empty()) std::fprintf(stderr, "%s\n", message.c_str());
  else std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(doing.size()), doing.data(), message.c_str());
  return 1;
}

}  // namespace weft::detail
