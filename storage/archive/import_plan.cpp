#include "storage/archive/import_plan.hpp"

#include <algorithm>

namespace furrow::storage {

namespace {

std::string range_text(const number_range& range) {
  return range.first == range.last
           ? "item " + std::to_string(range.first)
           : "items " + std::to_string(range.first) + " to " + std::to_string(range.last);
}

failure refusal(const std::string& why) {
  return {errc::reject_row, why};
}

/// Numbers that may not come back.
std::optional<failure>
against(const number_ranges& wanted, const number_ranges& fresh, const stream_facts& facts) {
  if (const auto clash = common(wanted, facts.others); !clash.empty())
    return refusal(range_text(clash.front())
                   + " is not a frame here: archive and database hold different streams");
  if (facts.claimed && wanted.back().last > facts.watermark)
    return refusal("the stream is at item " + std::to_string(facts.watermark)
                   + " here, the archive goes to " + std::to_string(wanted.back().last)
                   + ": what follows is its gateway's to send; archives of a stream that goes on "
                     "come back into the database that has it, or into one that no gateway sends "
                     "it to");
  if (fresh.empty())
    return std::nullopt;
  if (const auto within = common(fresh, facts.chunks); !within.empty())
    return refusal(range_text(within.front())
                   + " is missing within a sealed chunk: `furrow db validate` first");
  const auto last = fresh.back().last;
  if ((facts.fresh_from && *facts.fresh_from <= last) || (facts.claimed && facts.sealed_to < last))
    return refusal(range_text(fresh.back())
                   + " would lie among fresh frames: `furrow db seal` first");
  return std::nullopt;
}

/// The frames with these numbers, as runs.
std::vector<frame_run> cut(const std::vector<frame_run>& runs, const number_ranges& numbers) {
  std::vector<frame_run> out;
  std::size_t at = 0;
  for (const auto& run : runs) {
    const auto end = run.seq_first + run.block.size();
    while (at < numbers.size() && numbers[at].last < run.seq_first)
      ++at;
    for (auto i = at; i < numbers.size() && numbers[i].first < end; ++i) {
      const auto first = std::max(numbers[i].first, run.seq_first);
      const auto last = std::min(numbers[i].last, end - 1);
      frame_run part;
      part.seq_first = first;
      if (part.block.append(run.block, first - run.seq_first,
                            last - first + 1)) // always true: the run is part of a valid block
        out.push_back(std::move(part));
    }
  }
  return out;
}

} // namespace

number_ranges numbers_of(const std::vector<frame_run>& runs) {
  number_ranges out;
  out.reserve(runs.size());
  for (const auto& run : runs)
    out.push_back({run.seq_first, run.seq_first + run.block.size() - 1});
  return merged(std::move(out));
}

result<return_plan> plan_return(const std::vector<frame_run>& runs, const stream_facts& facts) {
  const auto wanted = numbers_of(runs);
  return_plan plan;
  plan.known = common(wanted, facts.frames);
  plan.stored = without(wanted, facts.frames);
  if (auto why = against(wanted, plan.stored, facts))
    return *why;
  plan.watermark = std::max(facts.watermark, wanted.back().last);
  if (plan.watermark > facts.watermark)
    plan.holes = without({{facts.watermark + 1, plan.watermark}}, wanted);
  for (auto& run : cut(runs, plan.stored)) {
    const bool parted =
      plan.groups.empty()
      || !common({{plan.groups.back().back().seq_first, run.seq_first}}, facts.chunks).empty();
    if (parted)
      plan.groups.emplace_back();
    plan.groups.back().push_back(std::move(run));
  }
  return plan;
}

void return_check::add(const frame_run& stored) {
  const auto end = stored.seq_first + stored.block.size();
  for (const auto& run : runs_) {
    const auto first = std::max(run.seq_first, stored.seq_first);
    const auto last = std::min(run.seq_first + run.block.size(), end);
    for (auto seq = first; seq < last; ++seq) {
      const auto left = run.block[seq - run.seq_first];
      const auto right = stored.block[seq - stored.seq_first];
      ++met_;
      const bool same = left.time_us == right.time_us && left.header == right.header
                        && std::ranges::equal(left.payload(), right.payload());
      if (!same && unlike_ == 0)
        unlike_ = seq;
    }
  }
}

std::optional<failure> return_check::fault() const {
  if (unlike_ != 0)
    return refusal("item " + std::to_string(unlike_)
                   + " is another frame here than in the archive: nothing of this piece is taken");
  if (met_ != count_of(known_))
    return refusal(std::to_string(count_of(known_)) + " of its frames should be stored here, and "
                   + std::to_string(met_) + " could be read: `furrow db validate` first");
  return std::nullopt;
}

} // namespace furrow::storage
