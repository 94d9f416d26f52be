#include "tools/furrowd/api/bodies/frame_text.hpp"

#include "can/frame/frame_words.hpp"
#include "can/frame/identifier.hpp"
#include "can/logs/candump.hpp"
#include "can/text/csv.hpp"
#include "can/text/json.hpp"
#include "can/text/put.hpp"
#include "can/text/time.hpp"
#include "tools/json/rows_json.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::pair<std::string_view, frames_format> format_names[] = {
  {"candump", frames_format::candump},
  {"jsonl", frames_format::jsonl},
  {"asc", frames_format::asc},
  {"trc", frames_format::trc},
  {"csv", frames_format::csv}};

/// Hex as in candump.
void append_identifier(std::string& out, can::frame_header header) {
  const std::uint32_t id = header.id() | (header.socketcan_id() & can::frame_header::error_flag);
  can::text::append_hex(out, id, header.extended() || header.error() ? 8 : 3);
}

void append_csv(std::string& out,
                const can::frame_view& frame,
                std::uint64_t seq,
                std::string_view bus,
                std::string_view name) {
  const auto header = frame.header;
  const auto at = std::back_inserter(out);
  fmt::format_to(at, "{},{},{},", seq, can::text::format_time(frame.time_us), bus);
  append_identifier(out, header);
  fmt::format_to(at, ",{},{},{},{},{},", header.extended(), header.remote(), header.error(),
                 can::word_of(header.kind()), header.length());
  if (has_pgn(header))
    fmt::format_to(at, "{}", can::pgn_of(header.id()));
  out += ',';
  can::text::append_csv_cell(out, name);
  out += ',';
  can::text::append_hex(out, frame.payload());
  const bool is_fd = header.kind() == can::frame_kind::fd;
  out += ',';
  if (is_fd)
    fmt::format_to(at, "{}", header.nibble());
  out += ',';
  if (!is_fd && header.nibble() != 0)
    fmt::format_to(at, "{}", header.nibble());
  out += ',';
  if (header.direction() != can::frame_direction::unknown)
    out += can::word_of(header.direction());
  out += "\r\n";
}

} // namespace

std::optional<frames_format> parse_frames_format(std::string_view name) {
  for (const auto& [known, format] : format_names)
    if (name == known)
      return format;
  return std::nullopt;
}

void set_form(response& answer, frames_format format, const std::string& equipment) {
  switch (format) {
  case frames_format::jsonl:
    answer.content_type = "application/x-ndjson";
    return;
  case frames_format::candump:
    answer.content_type = "text/plain; charset=utf-8";
    return;
  case frames_format::asc:
  case frames_format::trc:
    answer.content_type = "text/plain; charset=utf-8";
    break;
  case frames_format::csv:
    answer.content_type = "text/csv; charset=utf-8";
    break;
  }
  for (const auto& [name, known] : format_names)
    if (known == format)
      answer.headers.emplace_back("Content-Disposition",
                                  disposition_of(equipment + '.' + std::string{name}));
}

void append_frame_json(std::string& out,
                       const can::frame_view& frame,
                       std::uint64_t seq,
                       std::string_view bus,
                       std::string_view name) {
  const auto header = frame.header;
  const auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"seq":{},"time":"{}","bus":{},"can_id":")", seq,
                 can::text::format_time(frame.time_us), bus);
  append_identifier(out, header);
  fmt::format_to(at, R"(","extended":{},"remote":{},"error":{},"kind":"{}","length":{},"pgn":)",
                 header.extended(), header.remote(), header.error(), can::word_of(header.kind()),
                 header.length());
  has_pgn(header) ? fmt::format_to(at, "{}", can::pgn_of(header.id())) : fmt::format_to(at, "null");
  out += R"(,"name":)";
  if (name.empty())
    out += "null";
  else
    can::text::append_json_text(out, name);
  out += R"(,"payload":")";
  can::text::append_hex(out, frame.payload());
  out += '"';
  if (header.kind() == can::frame_kind::fd)
    fmt::format_to(at, R"(,"fd_flags":{})", header.nibble());
  else if (header.nibble() != 0)
    fmt::format_to(at, R"(,"raw_dlc":{})", header.nibble());
  if (header.direction() != can::frame_direction::unknown)
    fmt::format_to(at, R"(,"direction":"{}")", can::word_of(header.direction()));
  out += "}\n";
}

frame_text::frame_text(frames_format format, bus_names names)
  : format_{format}, names_{std::move(names)}, writer_{format == frames_format::trc
                                                         ? can::log_format::trc
                                                         : can::log_format::asc} {}

std::string frame_text::written(const std::string& bus) const {
  if (format_ == frames_format::jsonl)
    return json_rows::json(bus).dump(-1, ' ', false, json_rows::json::error_handler_t::replace);
  if (format_ != frames_format::csv)
    return bus;
  std::string cell;
  can::text::append_csv_cell(cell, bus);
  return cell;
}

void frame_text::begin(std::string& out) const {
  if (format_ == frames_format::csv)
    out +=
      "seq,time,bus,can_id,extended,remote,error,kind,length,pgn,name,payload,fd_flags,raw_dlc,"
      "direction\r\n";
}

void frame_text::append(std::string& out,
                        const can::frame_view& frame,
                        std::uint64_t seq,
                        std::string_view written_bus) {
  switch (format_) {
  case frames_format::candump:
    can::append_candump(out, frame, written_bus);
    return;
  case frames_format::jsonl:
    append_frame_json(out, frame, seq, written_bus, names_.message(frame.header));
    return;
  case frames_format::csv:
    append_csv(out, frame, seq, written_bus, names_.message(frame.header));
    return;
  case frames_format::asc:
  case frames_format::trc:
    if (const auto* why = writer_.append(out, frame, written_bus)) {
      why_ = left_out_ == 0 ? why : why_;
      ++left_out_;
    }
    return;
  }
}

void frame_text::finish(std::string& out) const {
  if (left_out_ != 0)
    out += fmt::format("{}furrow: {} frames are left out, the first because of {}\n",
                       format_ == frames_format::trc ? ";   " : "// ", left_out_, why_);
  if (format_ == frames_format::asc || format_ == frames_format::trc)
    writer_.finish(out);
}

} // namespace furrow::http
