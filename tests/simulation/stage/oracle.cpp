#include "tests/simulation/stage/oracle.hpp"

#include <algorithm>

namespace furrow::simulation {

void oracle::broken(const std::string& rule, const std::string& what) {
  if (!found_)
    found_ = violation{rule, what, time_.steps(),
                       std::chrono::duration_cast<milliseconds>(time_.now() - begin_)};
}

void oracle::numbered(const can::stream_id& stream, std::uint64_t seq, item_code code) {
  auto& truth = streams_[stream];
  if (seq == truth.codes.size() + 1)
    truth.codes.push_back(code);
  else
    truth.others.emplace(seq, code);
}

bool oracle::knows(const stream_truth& truth, std::uint64_t seq, item_code code) {
  if (seq >= 1 && seq <= truth.codes.size() && truth.codes[seq - 1] == code)
    return true;
  const auto [first, last] = truth.others.equal_range(seq);
  return std::any_of(first, last, [&](const auto& one) { return one.second == code; });
}

void oracle::claimed(const can::stream_id& stream, std::int64_t epoch, bool leads) {
  auto& newest = streams_[stream].newest_epoch;
  if (leads && epoch <= newest)
    broken("epochs", can::to_string(stream) + ": a claim got epoch " + std::to_string(epoch)
                       + " after epoch " + std::to_string(newest));
  newest = std::max(newest, epoch);
}

void oracle::stored(const stored_part& part) {
  const auto name = can::to_string(part.stream) + " items " + std::to_string(part.from + 1) + " to "
                    + std::to_string(part.to) + ": ";
  auto& truth = streams_[part.stream];
  if (truth.nodes.try_emplace(part.epoch, part.node).first->second != part.node)
    broken("owner", name + "another process has stored under epoch " + std::to_string(part.epoch));
  if (part.epoch != part.newest_epoch)
    broken("fenced", name + "stored under epoch " + std::to_string(part.epoch)
                       + ", the newest claim has " + std::to_string(part.newest_epoch));
  if (part.from < part.held)
    broken("once", name + "the database has items up to " + std::to_string(part.held) + " already");
  if (part.from > part.held)
    broken("whole", name + "the database has items up to " + std::to_string(part.held) + " only");
  auto next = part.from + 1;
  for (const auto& [first, codes] : part.rows) {
    if (first != next)
      broken(first < next ? "once" : "whole", name + "a row begins at " + std::to_string(first)
                                                + ", expected " + std::to_string(next));
    for (const auto code : codes) {
      if (!knows(truth, next, code))
        broken("same", name + "no gateway gave number " + std::to_string(next) + " to item "
                         + std::to_string(code));
      ++next;
    }
  }
  if (next != part.to + 1)
    broken("whole", name + "the rows end at " + std::to_string(next - 1));
  items_stored_ += next - part.from - 1;
  truth.highest = std::max(truth.highest, part.to);
}

std::uint64_t oracle::highest(const can::stream_id& stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : found->second.highest;
}

} // namespace furrow::simulation
