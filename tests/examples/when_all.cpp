// Three tasks of different types, joined in one line.
//
//   when_all
#include <weft/weft.hpp>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;

weft::result<void> app() {
  auto name = weft::spawn([] { return std::string{"weft"}; });
  auto age = weft::spawn([]() -> weft::result<int> {
    WEFT_TRY(weft::this_fiber::sleep_for(2ms));
    return 42;
  });
  auto photo = weft::spawn([]() -> weft::result<void> { return std::unexpected(weft::errc::unsupported); });
  const auto [n, a, p] = weft::when_all(name, age, photo);
  std::printf("%s is %d\n", WEFT_TRY(n).c_str(), WEFT_TRY(a));
  std::printf("photo: %s\n", p.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "when_all"); }
