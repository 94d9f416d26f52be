#include "tools/furrow/top/view.hpp"

#include "tools/furrow/csv.hpp"
#include "tools/furrow/fitted_table.hpp"
#include "tools/furrow/logs/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace furrow::cli {

namespace {

constexpr std::size_t small_pane_rows = 3; // of a pane that is not chosen
constexpr std::size_t frame_lines = 2;     // title and headings
constexpr const char* keys_help =
  "q quit  Tab pane  arrows row  s S sort  r reverse  Enter detail  Esc back";

/// A row is the same object as long as its first two members are: its name and where it is.
std::string key_of_row(const top_pane& pane, const json& row) {
  std::string key;
  for (std::size_t i = 0; i < std::min<std::size_t>(pane.columns.size(), 3); ++i)
    if (pane.columns[i].kind == top_kind::text || i == 2)
      key += row.value(pane.columns[i].member, json(nullptr)).dump() + "/";
  return pane.name == "actors" || pane.name == "writers" ? key : key.substr(0, key.find('/'));
}

/// So much of the text as fits.
std::string cut(const std::string& text, std::size_t columns) {
  const auto continues = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
  };
  std::string out = text;
  while (columns_of(out) > columns) {
    while (out.size() > 1 && continues(out.back()))
      out.pop_back();
    out.pop_back(); // the first byte of the character
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::size_t from = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
    out.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

std::string upper(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

} // namespace

top_view::top_view(std::string at, const std::string& pane)
  : at_{std::move(at)}, places_{{{"nodes", 0, false, 0, 0, {}},
                                 {"actors", 4, false, 0, 0, {}},
                                 {"machines", 3, false, 0, 0, {}},
                                 {"writers", 0, false, 0, 0, {}},
                                 {"pool", 3, false, 0, 0, {}}}} {
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (places_[i].name == pane)
      pane_ = i;
}

std::size_t top_view::rows_of(std::size_t pane) const {
  return pane < panes_.size() ? panes_[pane].rows.size() : 0;
}

void top_view::show(std::vector<top_pane> panes, std::string time) {
  panes_ = std::move(panes);
  time_ = std::move(time);
  sort_panes();
}

void top_view::sort_panes() {
  for (std::size_t i = 0; i < std::min(panes_.size(), places_.size()); ++i) {
    auto& at = places_[i];
    auto& pane = panes_[i];
    sort_rows(pane, at.sort, at.reverse);
    const auto same = std::find_if(pane.rows.begin(), pane.rows.end(), [&](const json& row) {
      return key_of_row(pane, row) == at.key;
    });
    if (!at.key.empty() && same != pane.rows.end())
      at.row = static_cast<std::size_t>(same - pane.rows.begin());
    at.row = std::min(at.row, pane.rows.empty() ? 0 : pane.rows.size() - 1);
  }
}

void top_view::move(std::ptrdiff_t by) {
  if (is_detail_) {
    detail_first_ = static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(detail_first_) + by, 0));
    return;
  }
  auto& at = places_[pane_];
  const auto rows = static_cast<std::ptrdiff_t>(rows_of(pane_));
  const auto wanted = static_cast<std::ptrdiff_t>(at.row) + by;
  at.row =
    rows == 0 ? 0 : static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(wanted, 0, rows - 1));
  if (rows > 0)
    at.key = key_of_row(panes_[pane_], panes_[pane_].rows[at.row]);
}

void top_view::press(top_key key) {
  auto& at = places_[pane_];
  const auto columns = pane_ < panes_.size() ? panes_[pane_].columns.size() : 1;
  switch (key) {
  case top_key::none:
    return;
  case top_key::quit:
    is_over_ = true;
    return;
  case top_key::next_pane:
    pane_ = (pane_ + 1) % places_.size();
    is_detail_ = false;
    return;
  case top_key::last_pane:
    pane_ = (pane_ + places_.size() - 1) % places_.size();
    is_detail_ = false;
    return;
  case top_key::up:
    move(-1);
    return;
  case top_key::down:
    move(1);
    return;
  case top_key::page_up:
    move(-static_cast<std::ptrdiff_t>(page_));
    return;
  case top_key::page_down:
    move(static_cast<std::ptrdiff_t>(page_));
    return;
  case top_key::sort_column:
    at.sort = at.sort >= columns ? 0 : (at.sort + 1) % columns;
    break;
  case top_key::sort_back:
    at.sort = at.sort >= columns ? columns - 1 : (at.sort + columns - 1) % columns;
    break;
  case top_key::reverse:
    at.reverse = !at.reverse;
    break;
  case top_key::enter:
    move(0); // the row that is chosen stays
    is_detail_ = rows_of(pane_) > 0;
    detail_first_ = 0;
    return;
  case top_key::back:
    is_detail_ = false;
    return;
  }
  sort_panes();
}

std::string top_view::sorted_by() const {
  const auto& at = places_[pane_];
  if (pane_ >= panes_.size() || at.sort >= panes_[pane_].columns.size())
    return {};
  return panes_[pane_].columns[at.sort].heading;
}

std::vector<std::optional<std::size_t>> top_view::shares_of(std::size_t lines) const {
  std::vector<std::optional<std::size_t>> shares(panes_.size());
  std::size_t taken = 0;
  for (std::size_t i = 0; i < panes_.size(); ++i) {
    shares[i] = std::min(rows_of(i), small_pane_rows);
    taken += frame_lines + *shares[i];
  }
  if (taken > lines) { // a low window: the chosen pane alone
    std::fill(shares.begin(), shares.end(), std::nullopt);
    shares[pane_] = lines > frame_lines ? lines - frame_lines : 0;
    return shares;
  }
  auto spare = lines - taken;
  const auto grow = [&](std::size_t i) {
    const auto more = std::min(spare, rows_of(i) - *shares[i]);
    *shares[i] += more;
    spare -= more;
  };
  grow(pane_);
  for (std::size_t i = 0; i < panes_.size(); ++i)
    grow(i);
  return shares;
}

void top_view::append_pane(std::size_t which, std::size_t rows, std::vector<top_line>& out) {
  const auto& pane = panes_[which];
  auto& at = places_[which];
  const bool chosen = which == pane_;
  if (chosen)
    page_ = std::max<std::size_t>(rows, 1);
  if (at.row < at.first || !chosen)
    at.first = chosen ? at.row : 0;
  if (chosen && rows > 0 && at.row >= at.first + rows)
    at.first = at.row + 1 - rows;
  auto title = fmt::format("{}{} {}", chosen ? "> " : "  ", upper(pane.name), pane.rows.size());
  if (chosen && !sorted_by().empty())
    title += fmt::format("  by {}{}", sorted_by(), at.reverse ? " (reversed)" : "");
  if (!pane.fault.empty())
    title += "  " + printable(pane.fault);
  out.push_back({title, pane.fault.empty() ? top_style::title : top_style::bad});
  const auto end = std::min(pane.rows.size(), at.first + rows);
  if (at.first >= end)
    return;
  top_pane visible{pane.name, pane.columns, {}, {}}; // a farm may have thousands of machines
  visible.rows.assign(pane.rows.begin() + static_cast<std::ptrdiff_t>(at.first),
                      pane.rows.begin() + static_cast<std::ptrdiff_t>(end));
  const auto drawn = lines_of(rendered(table_of(visible), false));
  out.push_back({"  " + drawn.front(), top_style::heading});
  for (std::size_t i = at.first; i < end; ++i) {
    const auto style = chosen && i == at.row              ? top_style::chosen
                       : pane.rows[i].value("bad", false) ? top_style::bad
                                                          : top_style::plain;
    out.push_back({"  " + drawn.at(i - at.first + 1), style});
  }
}

void top_view::append_detail(std::size_t rows, std::vector<top_line>& out) {
  const auto& pane = panes_[pane_];
  const auto& row = pane.rows[places_[pane_].row];
  const auto first_cell = top_cell(row, pane.columns.front()).text;
  out.push_back({fmt::format("> {} {}", upper(pane.name), first_cell), top_style::title});
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : csv_members_of(row))
    if (name != "bad")
      shown.rows.push_back({cell{name}, cell{value.empty() ? "-" : printable(value)}});
  const auto drawn = lines_of(rendered(shown, false));
  const auto fits = rows > 1 ? rows - 1 : 0;
  const auto most = drawn.size() > fits ? drawn.size() - fits : 0;
  detail_first_ = std::min(detail_first_, most);
  for (std::size_t i = detail_first_; i < std::min(drawn.size(), detail_first_ + fits); ++i)
    out.push_back({"  " + drawn[i], i == 0 ? top_style::heading : top_style::plain});
}

std::vector<top_line> top_view::lines(std::size_t rows, std::size_t columns) {
  std::vector<top_line> out{{fmt::format("furrow top  {}  {}", at_, time_), top_style::title}};
  const std::size_t left = rows > 2 ? rows - 2 : 0; // this line and that of the keys
  if (panes_.empty()) {
    out.push_back({"  asking the node ...", top_style::faint});
  } else if (is_detail_ && rows_of(pane_) > 0) {
    append_detail(left, out);
  } else {
    const auto shares = shares_of(left);
    for (std::size_t i = 0; i < panes_.size(); ++i)
      if (shares[i])
        append_pane(i, *shares[i], out);
  }
  if (rows > 0)
    out.resize(std::min(out.size(), std::max<std::size_t>(rows - 1, 1)));
  while (out.size() + 1 < rows)
    out.push_back({});
  if (rows > 1)
    out.push_back({keys_help, top_style::faint});
  for (auto& line : out)
    line.text = cut(line.text, columns);
  return out;
}

} // namespace furrow::cli
