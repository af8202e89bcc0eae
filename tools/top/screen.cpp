#include "screen.hpp"

#define NCURSES_NOMACROS  // which would have the names of functions
#include <ncurses.h>

#include <algorithm>
#include <clocale>

screen::screen() {
  std::setlocale(LC_ALL, "");
  initscr();
  cbreak();
  noecho();
  curs_set(0);
}

screen::~screen() { endwin(); }

void screen::show(const std::string& title, std::string_view text) {
  erase();
  attron(A_REVERSE);
  mvhline(0, 0, ' ', COLS);
  mvaddnstr(0, 0, title.c_str(), COLS);
  attroff(A_REVERSE);
  for (int row = 1; row < LINES && !text.empty(); ++row) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    mvaddnstr(row, 0, line.data(), std::min(COLS, static_cast<int>(line.size())));
  }
  refresh();
}

std::optional<int> screen::key(std::chrono::duration<double> within) {
  timeout(static_cast<int>(within.count() * 1000));
  const int pressed = getch();
  if (pressed == ERR) return std::nullopt;
  return pressed >= 'A' && pressed <= 'Z' ? pressed - 'A' + 'a' : pressed;
}

std::size_t screen::columns() const { return static_cast<std::size_t>(COLS); }
std::size_t screen::rows() const { return static_cast<std::size_t>(LINES); }
