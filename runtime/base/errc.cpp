#include <weft/runtime/base/errc.hpp>

#include <string>

namespace weft {
namespace {

struct entry {
  const char* message;
  std::errc condition;
};

// Indexed by errc; 0 is success and never comes here.
constexpr entry entries[] = {
    {"success", std::errc{}},
    {"closed", std::errc::bad_file_descriptor},
    {"canceled", std::errc::operation_canceled},
    {"deadline exceeded", std::errc::timed_out},
    {"limit reached", std::errc::no_buffer_space},
    {"would block", std::errc::operation_would_block},
    {"end of stream", std::errc::no_message_available},
    {"protocol error", std::errc::protocol_error},
    {"unsupported", std::errc::operation_not_supported},
};

bool known(int value) noexcept { return value >= 0 && value < int{std::size(entries)}; }

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft"; }

  std::string message(int value) const override {
    return known(value) ? entries[value].message : "unknown weft error " + std::to_string(value);
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    if (!known(value)) return {value, *this};
    return std::make_error_condition(entries[value].condition);
  }
};

}  // namespace

const std::error_category& weft_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), weft_category()}; }

const char* detail::errc_message(int value) noexcept {
  return known(value) ? entries[value].message : nullptr;
}

}  // namespace weft
