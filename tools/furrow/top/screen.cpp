#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include "tools/furrow/top/screen.hpp"

#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <langinfo.h>
#include <ncursesw/curses.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace furrow::cli {

namespace {

enum colour_pair : short { pair_bad = 1 };

attr_t attributes_of(top_style style) {
  switch (style) {
  case top_style::plain:
    return A_NORMAL;
  case top_style::title:
    return A_BOLD;
  case top_style::heading:
  case top_style::faint:
    return A_DIM;
  case top_style::chosen:
    return A_REVERSE;
  case top_style::bad:
    return ::has_colors() ? static_cast<attr_t>(COLOR_PAIR(pair_bad)) : A_BOLD;
  }
  return A_NORMAL;
}

top_key key_of_code(int code) {
  switch (code) {
  case 'q':
  case 'Q':
    return top_key::quit;
  case '\t':
  case KEY_RIGHT:
    return top_key::next_pane;
  case KEY_BTAB:
  case KEY_LEFT:
    return top_key::last_pane;
  case KEY_UP:
  case 'k':
    return top_key::up;
  case KEY_DOWN:
  case 'j':
    return top_key::down;
  case KEY_PPAGE:
    return top_key::page_up;
  case KEY_NPAGE:
    return top_key::page_down;
  case 's':
    return top_key::sort_column;
  case 'S':
    return top_key::sort_back;
  case 'r':
    return top_key::reverse;
  case '\n':
  case '\r':
  case KEY_ENTER:
    return top_key::enter;
  case 27: // Esc
    return top_key::back;
  default:
    return top_key::none;
  }
}

} // namespace

result<std::unique_ptr<top_screen>> top_screen::open() {
  // Names of machines may have any characters; the C library needs a locale that knows them.
  if (std::setlocale(LC_CTYPE, "") == nullptr
      || std::string_view{::nl_langinfo(CODESET)} != "UTF-8")
    std::setlocale(LC_CTYPE, "C.UTF-8");
  auto* terminal = ::newterm(nullptr, stdout, stdin);
  if (terminal == nullptr) {
    const char* name = std::getenv("TERM");
    return failure{
      errc::failed,
      fmt::format("top cannot draw on this terminal: TERM is \"{}\" (--once prints one "
                  "round)",
                  name == nullptr ? "" : printable(name))};
  }
  ::set_term(terminal);
  ::set_escdelay(25);
  ::cbreak();
  ::noecho();
  ::keypad(::stdscr, true);
  ::curs_set(0);
  const char* plain = std::getenv("NO_COLOR");
  if (::has_colors() && (plain == nullptr || *plain == '\0')) {
    ::start_color();
    ::use_default_colors();
    ::init_pair(pair_bad, COLOR_RED, -1);
  }
  return std::unique_ptr<top_screen>{new top_screen{terminal}};
}

top_screen::~top_screen() {
  ::endwin();
  ::delscreen(static_cast<SCREEN*>(terminal_));
}

std::size_t top_screen::rows() const {
  return static_cast<std::size_t>(::getmaxy(::stdscr));
}

std::size_t top_screen::columns() const {
  return static_cast<std::size_t>(::getmaxx(::stdscr));
}

void top_screen::draw(const std::vector<top_line>& lines) {
  ::werase(::stdscr); // curses sends only what differs
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto attributes = attributes_of(lines[i].style);
    ::wattron(::stdscr, static_cast<int>(attributes));
    ::wmove(::stdscr, static_cast<int>(i), 0);
    ::waddnstr(::stdscr, lines[i].text.data(), static_cast<int>(lines[i].text.size()));
    ::wattroff(::stdscr, static_cast<int>(attributes));
  }
  ::wrefresh(::stdscr);
}

top_key top_screen::wait(std::chrono::milliseconds limit) {
  ::wtimeout(::stdscr, static_cast<int>(limit.count()));
  return key_of_code(::wgetch(::stdscr));
}

} // namespace furrow::cli
