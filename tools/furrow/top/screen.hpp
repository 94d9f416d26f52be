/// The terminal as `furrow top` needs it: lines with styles, keys, and a terminal that is as before afterwards.
///
/// Errors: a terminal that curses does not know.
/// Threads: one.
/// Source: ncurses with wide characters; screen.cpp alone includes it.
#pragma once

#include "tools/furrow/exit_code.hpp"
#include "tools/furrow/top/view.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace furrow::cli {

class top_screen {
public:
  [[nodiscard]] static result<std::unique_ptr<top_screen>> open();
  ~top_screen();
  top_screen(const top_screen&) = delete;
  top_screen& operator=(const top_screen&) = delete;

  [[nodiscard]] std::size_t rows() const;
  [[nodiscard]] std::size_t columns() const;
  void draw(const std::vector<top_line>& lines);
  /// The next key; `none` after this time, after a signal, or when the window has changed its size.
  [[nodiscard]] top_key wait(std::chrono::milliseconds limit);

private:
  explicit top_screen(void* terminal) : terminal_{terminal} {}
  void* terminal_; // curses' SCREEN
};

} // namespace furrow::cli
