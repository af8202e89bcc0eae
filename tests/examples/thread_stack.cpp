// A call that wants more stack than a fiber has: formatting runs on the worker's own stack of 8 MiB.
//
//   thread_stack
#include <weft/weft.hpp>

#include <cstdio>
#include <iomanip>
#include <sstream>

std::string deep(int levels) {
  char frame[1024];
  std::snprintf(frame, sizeof frame, "%d", levels);
  return levels == 0 ? std::string{frame} : deep(levels - 1);
}

weft::result<void> app() {
  const std::string text = weft::on_thread_stack([] {  // 3 MiB of frames; a fiber has 48 KiB
    std::ostringstream out;
    out << "pi is " << std::setprecision(10) << 3.14159265358979 << ", and " << deep(3000) << " is zero";
    return out.str();
  });
  std::puts(text.c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "thread_stack"); }
