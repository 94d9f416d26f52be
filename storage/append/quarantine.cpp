#include "storage/append/quarantine.hpp"

#include "can/records/body.hpp"
#include "can/records/rejected_line.hpp"

#include <algorithm>
#include <cstdint>

namespace furrow::storage {

namespace {

void put_le64(std::string& out, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out += static_cast<char>(value >> shift & 0xFFU);
}

constexpr std::size_t frame_head_bytes = 16;

std::string reason_of_rejected_line(const can::record& record) {
  const auto line = can::read_rejected_line(record.body);
  return line ? line->reason : "a line that could not be read, without its reason";
}

std::uint64_t le64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << 8 * i;
  return value;
}

/// Length of the well-formed UTF-8 sequence at `at`, 0 when it is malformed or NUL. Unicode table
/// 3-7.
std::size_t sequence_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto trails = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const auto lead = byte(at);
  if (lead < 0x80)
    return lead == 0 ? 0 : 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return trails(at + 1) ? 2 : 0;
  const auto second = byte(at + 1);
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second > 0x9F;
    return trails(at + 1) && trails(at + 2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && second < 0x90;
    const bool beyond = lead == 0xF4 && second > 0x8F;
    return trails(at + 1) && trails(at + 2) && trails(at + 3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

} // namespace

std::string quarantine_bytes(const can::frame_view& frame) {
  std::string out;
  const auto payload = frame.payload();
  out.reserve(16 + payload.size());
  put_le64(out, static_cast<std::uint64_t>(frame.time_us));
  put_le64(out, frame.header.bits);
  out.append(payload.begin(), payload.end());
  return out;
}

std::string quarantine_bytes(const can::record& record) {
  if (record.kind == can::record_kind_rejected_line)
    if (auto line = can::read_rejected_line(record.body))
      return std::move(line->bytes);
  return record.body;
}

std::optional<can::frame_block> frame_of_quarantine(std::string_view bytes) {
  if (bytes.size() < frame_head_bytes)
    return std::nullopt;
  const auto time_us = static_cast<std::int64_t>(le64(bytes));
  const can::frame_header header{le64(bytes.substr(8))};
  const auto payload = bytes.substr(frame_head_bytes);
  if (can::fault_of(header) != can::frame_fault::none || header.payload_bytes() != payload.size())
    return std::nullopt;
  can::frame_block block;
  if (!block.push(time_us, header, reinterpret_cast<const std::uint8_t*>(payload.data())))
    return std::nullopt;
  return block;
}

std::optional<std::string> record_refusal(const can::record& record) {
  if (record.kind == can::record_kind_rejected_line)
    return reason_of_rejected_line(record);
  if (can::find_record_kind(record.kind) == nullptr)
    return std::nullopt;
  if (!is_text(record.body))
    return "the body is not text (UTF-8 without NUL)";
  return can::refusal_of(record);
}

bool is_text(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = sequence_at(bytes, at);
    if (length == 0)
      return false;
    at += length;
  }
  return true;
}

std::string as_text(std::string_view bytes, std::size_t bytes_max) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = sequence_at(bytes, at);
    if (out.size() + std::max<std::size_t>(length, 1) > bytes_max)
      break;
    if (length == 0)
      out += '?';
    else
      out.append(bytes.substr(at, length));
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

} // namespace furrow::storage
