// A terminal that is drawn anew each time, and put back as it was at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

class screen {
 public:
  screen();
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;
  ~screen();

  /// A title in reverse, and the lines of `text` below it, as many as there is room for.
  void show(const std::string& title, std::string_view text);

  /// The key that is pressed, letters in lower case; none in time. A new size of the terminal is one too.
  std::optional<int> key(std::chrono::duration<double> within);

  std::size_t columns() const;
  std::size_t rows() const;
};
