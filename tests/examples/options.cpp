// Options from the environment over a preset, and a sink of one's own for failures that nobody joins.
//
//   WEFT_WORKERS=2 options
#include <weft/weft.hpp>

#include <cstdio>
#include <stdexcept>

int main() {
  auto options = weft::options::from_env(weft::options::for_cli());
  if (!options) return weft::exit_status(options, "options");
  options->error_sink = [](std::string_view report) {
    std::printf("heard of: %.*s\n", static_cast<int>(report.size()), report.data());
  };
  weft::run([] { weft::go([] { throw std::runtime_error{"nobody joins me"}; }); }, *options);
}
