#include "storage/append/record_batch.hpp"

#include "storage/append/quarantine.hpp"

#include <charconv>

namespace furrow::storage {

namespace {

std::string why_not(const can::record& record) {
  if (record.kind >= can::record_kind_lost)
    return "kind " + std::to_string(record.kind) + " cannot be sent by clients";
  if (record.body.size() > record_body_max)
    return "a body of " + std::to_string(record.body.size()) + " bytes, at most "
           + std::to_string(record_body_max);
  if (!is_text(record.body))
    return "the body is not text (UTF-8 without NUL)";
  return record_refusal(record).value_or("");
}

} // namespace

result<record_batch_outcome> judge_batch(const record_batch& batch) {
  if (batch.farm.empty() || batch.equipment.empty() || !is_text(batch.farm)
      || !is_text(batch.equipment))
    return failure{errc::reject_row, "a farm or equipment has an invalid name"};
  if (batch.key.empty() || batch.key.size() > record_key_bytes_max || !is_text(batch.key))
    return failure{errc::reject_row,
                   "a key is a text of 1 to " + std::to_string(record_key_bytes_max) + " bytes"};
  if (batch.records.empty() || batch.records.size() > record_batch_max)
    return failure{errc::reject_row, "a batch of " + std::to_string(batch.records.size())
                                       + " records: 1 to " + std::to_string(record_batch_max)
                                       + " are taken"};
  std::size_t bytes = 0;
  for (const auto& record : batch.records)
    bytes += record.body.size();
  if (bytes > record_batch_bytes_max)
    return failure{errc::reject_row, "a batch of " + std::to_string(bytes) + " bytes, at most "
                                       + std::to_string(record_batch_bytes_max)};
  record_batch_outcome out;
  out.refused.reserve(batch.records.size());
  for (const auto& record : batch.records)
    out.refused.push_back(why_not(record));
  return out;
}

std::vector<numbered_record>
numbered(const record_batch& batch, const record_batch_outcome& outcome, std::uint64_t after) {
  std::vector<numbered_record> rows;
  rows.reserve(batch.records.size());
  for (std::size_t i = 0; i < batch.records.size(); ++i)
    if (outcome.refused[i].empty())
      rows.push_back({++after, batch.records[i]});
  return rows;
}

append_attempt attempt_of(const record_batch& batch,
                          const record_batch_outcome& outcome,
                          const stream_claim& claim,
                          std::uint64_t after,
                          const std::vector<numbered_record>& rows) {
  append_attempt attempt;
  for (const auto& row : rows)
    attempt.add_record({claim, &row});
  const auto to = after + rows.size();
  attempt.steps.push_back({claim, after, to, to});
  attempt.batches.push_back({claim, batch.key, after + 1,
                             static_cast<std::uint32_t>(batch.records.size()),
                             refused_lines(outcome), batch.sha256});
  return attempt;
}

std::string refused_lines(const record_batch_outcome& outcome) {
  std::string out;
  for (std::size_t i = 0; i < outcome.refused.size(); ++i) {
    if (outcome.refused[i].empty())
      continue;
    auto line = as_text(outcome.refused[i]);
    for (auto& c : line)
      if (c == '\n' || c == '\r')
        c = ' ';
    out.append(std::to_string(i)).append(" ").append(line).append("\n");
  }
  return out;
}

record_batch_outcome known_outcome(const record_batch& batch, const known_batch& known) {
  record_batch_outcome out;
  const bool compared = !known.sha256.empty() && !batch.sha256.empty();
  out.key_reused =
    known.records != batch.records.size() || (compared && known.sha256 != batch.sha256);
  if (out.key_reused)
    return out;
  std::string_view refused = known.refused;
  out.repeated = true;
  out.refused.resize(batch.records.size());
  while (!refused.empty()) {
    const auto end = std::min(refused.find('\n'), refused.size());
    const auto line = refused.substr(0, end);
    std::size_t place = 0;
    const auto [at, error] = std::from_chars(line.data(), line.data() + line.size(), place);
    if (error == std::errc{} && place < out.refused.size() && at != line.data() + line.size())
      out.refused[place] = line.substr(static_cast<std::size_t>(at - line.data()) + 1);
    refused.remove_prefix(std::min(end + 1, refused.size()));
  }
  return out;
}

} // namespace furrow::storage
