#include "proto/items.hpp"

#include "proto/scan.hpp"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstring>
#include <limits>

namespace furrow::proto {

namespace {

constexpr std::uint32_t kind_max = 32'767; // a smallint in the tables

/// Up to this number of headers the index needs one byte a frame.
constexpr std::size_t narrow_headers_max = 256;

result<done> check_records(const std::vector<can::record>& records) {
  if (records.empty())
    return failure{errc::limit, "a group without records"};
  if (records.size() > records_max)
    return failure{errc::limit, std::to_string(records.size()) + " records, at most "
                                  + std::to_string(records_max)};
  for (const auto& record : records) {
    if (record.body.size() > record_body_bytes_max)
      return failure{errc::limit, "a record of " + std::to_string(record.body.size())
                                    + " bytes, at most " + std::to_string(record_body_bytes_max)};
    if (!is_clean_text(record.body))
      return failure{errc::text, "a record that is not UTF-8 or contains a NUL"};
  }
  return done{};
}

template <class Field, class T>
void assign(Field& field, const std::vector<T>& values) {
  field.Add(values.begin(), values.end());
}

result<done> check_gone(const can::gone_items& gone) {
  if (gone.count == 0 || gone.count > gone_items_max)
    return failure{errc::limit, std::to_string(gone.count) + " numbers without items, from 1 to "
                                  + std::to_string(gone_items_max)};
  return done{};
}

void gone_to_wire(const can::gone_items& gone, wire::Gone& out) {
  out.set_count(gone.count);
  out.set_why(static_cast<wire::Gone::Why>(gone.why));
}

/// A reason that this program does not know reads as missing, which people look at.
item_group gone_from_wire(const wire::Gone& gone) {
  const auto known = gone.why() >= wire::Gone::MISSING && gone.why() <= wire::Gone::DROPPED;
  return can::gone_items{gone.count(), known ? static_cast<can::gone_reason>(gone.why())
                                             : can::gone_reason::missing};
}

result<item_group> records_from_wire(const wire::Records& records) {
  std::vector<can::record> out;
  out.reserve(static_cast<std::size_t>(records.records_size()));
  for (const auto& record : records.records()) {
    if (record.kind() > kind_max)
      return failure{errc::limit,
                     "kind " + std::to_string(record.kind()) + " of a record, at most 32767"};
    out.push_back({record.time_us(), static_cast<std::uint16_t>(record.kind()), record.body()});
  }
  return item_group{std::move(out)};
}

} // namespace

std::size_t item_count(const item_group& group) {
  return std::visit([](const auto& items) { return items.size(); }, group);
}

result<done> check_items(const item_group& group) {
  if (const auto* records = std::get_if<std::vector<can::record>>(&group))
    return check_records(*records);
  if (const auto* gone = std::get_if<can::gone_items>(&group))
    return check_gone(*gone);
  return check_frames(std::get<can::frame_block>(group));
}

result<done> check_frames(const can::frame_block& block) {
  if (block.empty())
    return failure{errc::columns, "a group without frames"};
  if (const auto* fault = block.structural_fault())
    return failure{errc::columns, fault};
  return done{};
}

void to_wire(const can::frame_block& block, wire::Frames& out) {
  out.set_time_base_us(block.time_base_us);
  assign(*out.mutable_headers(), block.headers);
  assign(*out.mutable_time_offset_us(), block.time_offset_us);
  assign(*out.mutable_slots(), block.slots);
  auto& index = *out.mutable_header_index();
  if (block.headers.size() <= narrow_headers_max) {
    index.resize(block.size());
    for (std::size_t i = 0; i < block.size(); ++i)
      index[i] = static_cast<char>(block.header_index[i]);
  } else {
    index.resize(block.size() * 2);
    std::memcpy(index.data(), block.header_index.data(), index.size());
  }
  out.mutable_long_payload()->assign(block.long_payload.begin(), block.long_payload.end());
}

result<can::frame_block> from_wire(const wire::Frames& frames) {
  can::frame_block block;
  block.time_base_us = frames.time_base_us();
  block.headers.assign(frames.headers().begin(), frames.headers().end());
  block.time_offset_us.assign(frames.time_offset_us().begin(), frames.time_offset_us().end());
  block.slots.assign(frames.slots().begin(), frames.slots().end());
  const auto& index = frames.header_index();
  if (block.headers.size() <= narrow_headers_max) {
    block.header_index.resize(index.size());
    for (std::size_t i = 0; i < index.size(); ++i)
      block.header_index[i] = static_cast<std::uint8_t>(index[i]);
  } else {
    if (index.size() % 2 != 0)
      return failure{errc::columns, "an index column with an odd number of bytes"};
    block.header_index.resize(index.size() / 2);
    std::memcpy(block.header_index.data(), index.data(), index.size());
  }
  block.long_payload.assign(frames.long_payload().begin(), frames.long_payload().end());
  return block;
}

void to_wire(const item_group& group, wire::Items& out) {
  if (const auto* block = std::get_if<can::frame_block>(&group)) {
    to_wire(*block, *out.mutable_frames());
    return;
  }
  if (const auto* gone = std::get_if<can::gone_items>(&group)) {
    gone_to_wire(*gone, *out.mutable_gone());
    return;
  }
  for (const auto& record : std::get<std::vector<can::record>>(group)) {
    auto& to = *out.mutable_records()->add_records();
    to.set_time_us(record.time_us);
    to.set_kind(record.kind);
    to.set_body(record.body);
  }
}

result<item_group> from_wire(const wire::Items& items) {
  switch (items.kind_case()) {
  case wire::Items::kFrames: {
    auto block = from_wire(items.frames());
    if (!block)
      return block.error();
    return item_group{std::move(*block)};
  }
  case wire::Items::kRecords:
    return records_from_wire(items.records());
  case wire::Items::kGone:
    return gone_from_wire(items.gone());
  case wire::Items::KIND_NOT_SET:
    break;
  }
  return failure{errc::malformed, "items of an unknown kind"};
}

std::string encode_items(const item_group& group) {
  google::protobuf::Arena arena;
  auto& items = *google::protobuf::Arena::CreateMessage<wire::Items>(&arena);
  to_wire(group, items);
  return items.SerializeAsString();
}

std::string with_times_moved(const std::string& items, std::int64_t by_us) {
  using google::protobuf::internal::WireFormatLite;
  std::string moved = items;
  google::protobuf::io::CodedInputStream in{reinterpret_cast<const std::uint8_t*>(items.data()),
                                            static_cast<int>(items.size())};
  std::uint32_t length = 0;
  const auto frames = WireFormatLite::MakeTag(wire::Items::kFramesFieldNumber,
                                              WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  const auto base =
    WireFormatLite::MakeTag(wire::Frames::kTimeBaseUsFieldNumber, WireFormatLite::WIRETYPE_FIXED64);
  // Fields are written in the order of their numbers; a base of 0 is not written at all.
  if (in.ReadTagNoLastTag() != frames || !in.ReadVarint32(&length) || in.ReadTagNoLastTag() != base)
    return moved;
  const auto at = static_cast<std::size_t>(in.CurrentPosition());
  std::uint64_t raw = 0;
  std::int64_t time_us = 0;
  if (!in.ReadLittleEndian64(&raw)
      || __builtin_add_overflow(static_cast<std::int64_t>(raw), by_us, &time_us))
    return moved;
  std::memcpy(moved.data() + at, &time_us, sizeof time_us);
  return moved;
}

bool holds_records(std::string_view encoded) {
  constexpr char tag = wire::Items::kRecordsFieldNumber << 3U | 2U; // with its length
  return !encoded.empty() && encoded.front() == tag;
}

bool holds_gone(std::string_view encoded) {
  constexpr char tag = wire::Items::kGoneFieldNumber << 3U | 2U; // with its length
  return !encoded.empty() && encoded.front() == tag;
}

result<item_group> decode_items(std::span<const std::uint8_t> bytes) {
  if (auto ok = scan(bytes, *wire::Items::descriptor()); !ok)
    return ok.error();
  google::protobuf::Arena arena;
  auto& items = *google::protobuf::Arena::CreateMessage<wire::Items>(&arena);
  if (!items.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return failure{errc::malformed, "items that are not Protobuf"};
  auto group = from_wire(items);
  if (!group)
    return group;
  if (auto ok = check_items(*group); !ok)
    return ok.error();
  return group;
}

} // namespace furrow::proto
