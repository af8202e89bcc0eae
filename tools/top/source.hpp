// Where weft-top's numbers come from: the debug pages of a process.
#pragma once

#include <string>
#include <string_view>

#include <weft/http/client/client.hpp>
#include <weft/runtime/base/result.hpp>

#include "report.hpp"

class debug_source {
 public:
  /// `at`: "127.0.0.1:8080" or "unix:PATH"; `prefix`: where its pages are, "/debug".
  debug_source(std::string at, std::string prefix);

  /// Why there is none, in a line for people.
  std::expected<observation, std::string> look();

 private:
  std::expected<std::string, std::string> page(std::string_view name);

  const std::string at_, prefix_;
  weft::http::client client_;
};
