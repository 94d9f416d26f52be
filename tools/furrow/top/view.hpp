/// What `furrow top` shows and how keys change it, without a terminal.
///
/// Shape: all panes stand one below the other while the window has the lines for them; the chosen one gets its rows
///   first. In a low window it stands alone. Enter shows every member of the chosen row.
/// Units: lines and columns of a terminal.
/// Threads: one.
#pragma once

#include "tools/furrow/top/figures.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::cli {

enum class top_key : std::uint8_t {
  none,
  quit,
  next_pane,
  last_pane,
  up,
  down,
  page_up,
  page_down,
  sort_column,
  sort_back,
  reverse,
  enter,
  back,
};

enum class top_style : std::uint8_t { plain, title, heading, chosen, bad, faint };
struct top_line {
  std::string text;
  top_style style = top_style::plain;
};

class top_view {
public:
  /// `at`: the node that is asked; `pane`: the one to begin with.
  top_view(std::string at, const std::string& pane);

  /// New figures. The chosen row stays the same object when it is still there.
  void show(std::vector<top_pane> panes, std::string time);
  void press(top_key key);
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] const std::string& pane_name() const { return places_.at(pane_).name; }
  [[nodiscard]] std::string sorted_by() const;

  /// Exactly `rows` lines at most, none wider than `columns`.
  [[nodiscard]] std::vector<top_line> lines(std::size_t rows, std::size_t columns);

private:
  struct place {
    std::string name;
    std::size_t sort = 0;
    bool reverse = false;
    std::size_t row = 0;
    std::size_t first = 0; // row at the top
    std::string key;       // of the chosen row
  };
  void sort_panes();
  void move(std::ptrdiff_t by);
  [[nodiscard]] std::size_t rows_of(std::size_t pane) const;
  /// How many rows each pane shows; nothing: the pane is not shown.
  [[nodiscard]] std::vector<std::optional<std::size_t>> shares_of(std::size_t lines) const;
  void append_pane(std::size_t which, std::size_t rows, std::vector<top_line>& out);
  void append_detail(std::size_t rows, std::vector<top_line>& out);

  std::string at_;
  std::string time_;
  std::vector<top_pane> panes_;
  std::array<place, 5> places_;
  std::size_t pane_ = 0;
  std::size_t page_ = 10; // rows of the chosen pane
  bool is_detail_ = false;
  std::size_t detail_first_ = 0;
  bool is_over_ = false;
};

} // namespace furrow::cli
