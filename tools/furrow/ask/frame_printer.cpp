#include "tools/furrow/ask/frame_printer.hpp"

#include "tools/furrow/output.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr const char* frame_columns = "{:>10}  {:<27}  {:<6}  {:>8}  {:>6}  {:>3}  {}\n";

std::string dump_or_dash(const json& value) {
  return value.is_null() ? "-" : value.dump();
}

/// NAME at the end, behind the eight bytes that most frames have.
std::string with_name(std::string line, std::string_view name) {
  line.pop_back();
  constexpr std::size_t name_column = 88;
  line.resize(std::max(line.size(), name_column), ' ');
  return line += fmt::format("  {}\n", name);
}

std::string row_of(const json& frame) {
  const bool remote = frame.at("remote") == true;
  const auto data = frame.at("error") == true ? "error frame"
                    : remote                  ? "remote frame"
                                              : frame.at("payload").get<std::string>();
  return fmt::format(frame_columns, frame.at("seq").dump(), frame.at("time").get<std::string>(),
                     printable(frame.at("bus").get<std::string>()),
                     frame.at("can_id").get<std::string>(), dump_or_dash(frame.at("pgn")),
                     frame.at("length").dump(), data);
}

} // namespace

bool frame_printer::take(std::string_view piece) {
  bytes_ += piece.size();
  bool wanted = true;
  if (form_ == frame_form::as_sent) {
    frames_ += static_cast<std::uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
    wanted = write_out(piece);
  } else {
    rest_ += piece;
    std::size_t from = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos && wanted;
         end = rest_.find('\n', from)) {
      wanted = take_line(std::string_view{rest_}.substr(from, end - from));
      from = end + 1;
    }
    rest_.erase(0, from);
  }
  progress_.at(
    [this] { return fmt::format("{} frames, {:.1f} MB", frames_, double(bytes_) / 1e6); });
  return wanted;
}

bool frame_printer::take_line(std::string_view line) {
  if (form_ == frame_form::json)
    return write_out(frames_++ == 0 ? "[" : ",\n") && write_out(line);
  const bool wide = form_ == frame_form::wide;
  const auto shown = [wide](std::string row, const std::string& name) {
    return write_out(wide ? with_name(std::move(row), name) : row);
  };
  if (frames_++ == 0
      && !shown(fmt::format(frame_columns, "SEQ", "TIME", "BUS", "ID", "PGN", "LEN", "DATA"),
                "NAME"))
    return false;
  const auto frame = json::parse(line);
  const auto name = frame.value("name", json(nullptr)); // a node of an older version sends none
  return shown(row_of(frame), name.is_string() ? printable(name.get<std::string>()) : "-");
}

void frame_printer::finish() {
  if (form_ == frame_form::json)
    (void)write_out(frames_ == 0 ? "[]\n" : "]\n");
  progress_.end();
}

} // namespace furrow::cli
