#include <weft/http/client/call_error.hpp>

#include <string>

namespace weft::http {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft.http.call"; }

  std::string message(int value) const override {
    switch (static_cast<call_error>(value)) {
      case call_error::bad_url: return "the URL is not of the form http://host[:port][/path][?query]";
      case call_error::unsupported_scheme: return "the scheme of the URL is not http, the only one there is";
      case call_error::bad_method: return "the method is not a token, or is CONNECT";
      case call_error::bad_field_name: return "the name of a header field is not a token";
      case call_error::bad_field_value: return "the value of a header field has a byte that it must not have";
      case call_error::reserved_field: return "a header field is set that the client itself writes";
    }
    return "unknown call error";
  }

  std::error_condition default_error_condition(int) const noexcept override {
    return std::errc::invalid_argument;
  }
};

}  // namespace

const std::error_category& call_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(call_error e) noexcept { return {static_cast<int>(e), call_category()}; }

}  // namespace weft::http
