#include "tests/simulation/database/tables.hpp"

#include "tests/simulation/spool_model.hpp"

#include <cstring>

namespace furrow::simulation {

namespace {

item_code code_in_quarantine(const storage::quarantined_item& item) {
  if (item.kind)
    return code_in_body(item.bytes);
  item_code code = 0; // behind time and header
  if (item.bytes.size() >= 24)
    std::memcpy(&code, item.bytes.data() + 16, sizeof code);
  return code;
}

} // namespace

stream_row* tables::find(const std::string& equipment, const can::stream_id& stream) {
  for (auto& [id, row] : streams)
    if (row.stream == stream && row.equipment == equipment)
      return &row;
  return nullptr;
}

const stream_row* tables::find(const can::stream_id& stream) const {
  for (const auto& [id, row] : streams)
    if (row.stream == stream)
      return &row;
  return nullptr;
}

append_request copied(const storage::append_attempt& attempt) {
  append_request out;
  out.check = attempt.check;
  out.steps = attempt.steps;
  if (attempt.check)
    return out;
  for (const auto& slice : attempt.frames) {
    const auto first = slice.block->slots.begin() + static_cast<std::ptrdiff_t>(slice.first);
    out.rows.push_back({slice.claim.stream,
                        slice.seq_first,
                        {first, first + static_cast<std::ptrdiff_t>(slice.count)}});
  }
  for (const auto& record : attempt.records)
    out.rows.push_back(
      {record.claim.stream, record.item->seq, {code_in_body(record.item->record.body)}});
  for (const auto& item : attempt.quarantine)
    out.rows.push_back({item.claim.stream, item.item->seq, {code_in_quarantine(*item.item)}, true});
  return out;
}

} // namespace furrow::simulation
