#include "storage/append/append_plan.hpp"

#include "can/records/body.hpp"
#include "storage/append/quarantine.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>

namespace furrow::storage {

namespace {

constexpr std::chrono::milliseconds first_pause{10};
/// Both databases use signed integers.
constexpr std::uint64_t number_max = std::numeric_limits<std::int64_t>::max();

/// The elements of `items` (in order of seq) with from < seq <= to.
template <class T>
std::span<const T>
numbered_within(const std::vector<T>& items, std::uint64_t from, std::uint64_t to) {
  const auto after = [](std::uint64_t seq, const T& item) { return seq < item.seq; };
  const auto first = std::upper_bound(items.begin(), items.end(), from, after);
  const auto last = std::upper_bound(first, items.end(), to, after);
  return {first, last};
}

template <class T>
const T* find_numbered(const std::vector<T>& items, std::uint64_t seq) {
  const auto found = numbered_within(items, seq - 1, seq);
  return found.empty() ? nullptr : &found.front();
}

/// Streams whose appends do not follow each other: two claims in one batch, or a hole. No database
/// is asked.
std::set<std::int32_t> broken_chains(const append_batch& batch) {
  std::unordered_map<std::int32_t, const stream_append*> last;
  std::set<std::int32_t> broken;
  for (const auto& append : batch) {
    const auto [at, first] = last.try_emplace(append.claim.stream, &append);
    const bool follows =
      first || (at->second->claim == append.claim && at->second->to == append.from);
    if (!follows || append.to < append.from || append.to > number_max)
      broken.insert(append.claim.stream);
    at->second = &append;
  }
  return broken;
}

} // namespace

void append_attempt::add_record(const record_ref& record) {
  const auto* kind = can::find_record_kind(record.item->record.kind);
  if (kind == nullptr)
    records.push_back(record);
  else
    typed[static_cast<std::size_t>(kind - can::record_kinds().data())].push_back(record);
}

append_plan::append_plan(std::shared_ptr<const append_batch> batch, std::int64_t time_us_min)
  : batch_{std::move(batch)} {
  const auto broken = broken_chains(*batch_);
  outcome_.fenced.assign(broken.begin(), broken.end());
  group all;
  for (std::size_t i = 0; i < batch_->size(); ++i)
    if (const auto& append = (*batch_)[i]; !broken.contains(append.claim.stream))
      all.pieces.push_back({i, append.from, append.to});
  if (!all.pieces.empty())
    groups_.push_back(std::move(all));
  quarantine_untimely(time_us_min);
  quarantine_malformed();
  build();
}

std::chrono::milliseconds append_plan::pause() const {
  return refusals_ == 0 ? std::chrono::milliseconds{0} : first_pause * (1U << (refusals_ - 1));
}

void append_plan::quarantine_untimely(std::int64_t time_us_min) {
  const auto reason = "time before " + std::to_string(time_us_min) + " us";
  for (std::size_t i = 0; i < batch_->size(); ++i) {
    const auto& append = (*batch_)[i];
    for (const auto& run : append.frames) {
      // An offset reaches 2^31 us: for most bases the frames need no check.
      if (run.block.time_base_us >= 0 || run.block.time_range_us().first >= time_us_min)
        continue;
      for (std::size_t at = 0; at < run.block.size(); ++at)
        if (run.block.time_us(at) < time_us_min)
          quarantine(i, run.seq_first + at, reason);
    }
    for (const auto& record : append.records)
      if (record.record.time_us < time_us_min)
        quarantine(i, record.seq, reason);
  }
}

void append_plan::quarantine_malformed() {
  for (std::size_t i = 0; i < batch_->size(); ++i)
    for (const auto& record : (*batch_)[i].records)
      if (const auto why = record_refusal(record.record); why && !made_.contains({i, record.seq}))
        quarantine(i, record.seq, *why);
}

void append_plan::build() {
  attempt_ = {};
  made_in_attempt_ = 0;
  if (groups_.empty()) {
    finished_ = outcome_;
    return;
  }
  std::unordered_map<std::int32_t, std::size_t> step_of;
  for (const auto& part : groups_.front().pieces) {
    const auto& append = (*batch_)[part.append];
    const auto [at, first] = step_of.try_emplace(append.claim.stream, attempt_.steps.size());
    if (first)
      attempt_.steps.push_back({append.claim, part.from, part.to, 0});
    auto& step = attempt_.steps[at->second];
    step.to = part.to;
    step.sent = std::max(step.sent, std::min(append.sent, number_max));
    add_piece(part);
  }
}

void append_plan::add_piece(const piece& of) {
  const auto& append = (*batch_)[of.append];
  add_frames(of);
  for (const auto& record : numbered_within(append.records, of.from, of.to))
    if (!made_.contains({of.append, record.seq}))
      attempt_.add_record({append.claim, &record});
  for (const auto& item : numbered_within(append.quarantine, of.from, of.to))
    attempt_.quarantine.push_back({append.claim, &item});
  add_made(of);
  add_gone(of);
}

void append_plan::add_gone(const piece& of) {
  const auto& append = (*batch_)[of.append];
  for (const auto& range : append.gone) {
    const auto first = std::max(range.first, of.from + 1);
    const auto last = std::min(range.last, of.to);
    if (first <= last && range.why != can::gone_reason::missing)
      attempt_.gone.push_back({append.claim.stream, first, last});
  }
}

void append_plan::add_frames(const piece& of) {
  const auto& append = (*batch_)[of.append];
  for (const auto& run : append.frames) {
    auto seq = std::max(run.seq_first, of.from + 1);
    const auto end = std::min(run.seq_first + run.block.size(), of.to + 1);
    // Quarantined frames divide the run into slices.
    for (auto made = made_.lower_bound({of.append, seq});
         seq < end && made != made_.end() && made->first.first == of.append
         && made->first.second < end;
         ++made) {
      add_slice(append, run, seq, made->first.second);
      seq = made->first.second + 1;
    }
    add_slice(append, run, seq, end);
  }
}

void append_plan::add_slice(const stream_append& append,
                            const frame_run& run,
                            std::uint64_t seq,
                            std::uint64_t end) {
  if (seq < end)
    attempt_.frames.push_back({append.claim, seq, &run.block, seq - run.seq_first, end - seq});
}

void append_plan::add_made(const piece& of) {
  const auto& append = (*batch_)[of.append];
  for (auto made = made_.upper_bound({of.append, of.from});
       made != made_.end() && made->first.first == of.append && made->first.second <= of.to;
       ++made) {
    attempt_.quarantine.push_back({append.claim, &made->second});
    ++made_in_attempt_;
  }
}

void append_plan::stored() {
  refusals_ = 0;
  if (attempt_.check) {
    attempt_.check = false;
    groups_.front().checked = true;
    isolate("duplicate key");
    return;
  }
  any_stored_ = true;
  outcome_.quarantined += made_in_attempt_;
  groups_.pop_front();
  build();
}

void append_plan::fenced(std::span<const std::int32_t> streams,
                         std::span<const std::int32_t> taken) {
  bool any = false;
  for (const auto stream : streams) {
    const auto ours = [&](const watermark_step& step) { return step.claim.stream == stream; };
    if (std::none_of(attempt_.steps.begin(), attempt_.steps.end(), ours))
      continue;
    any = true;
    drop_stream(stream);
    if (std::find(taken.begin(), taken.end(), stream) != taken.end())
      outcome_.taken.push_back(stream);
  }
  if (!any)
    return refused(verdict::again, "fenced, but no stream of this batch is named");
  refusals_ = 0;
  build();
}

void append_plan::held(std::span<const std::int32_t> streams, const std::string& detail) {
  bool any = false;
  for (const auto stream : streams) {
    const auto ours = [&](const watermark_step& step) { return step.claim.stream == stream; };
    if (std::none_of(attempt_.steps.begin(), attempt_.steps.end(), ours))
      continue;
    any = true;
    if (++held_[stream] < held_max)
      set_aside(stream);
    else
      leave_waiting(stream);
  }
  if (!any)
    return refused(verdict::held, detail);
  refusals_ = !groups_.empty() && groups_.front().late ? refusals_ + 1 : 0;
  build();
}

void append_plan::refused(verdict why, const std::string& detail) {
  switch (why) {
  case verdict::again:
  case verdict::held:
  case verdict::fenced: // without names it says no more than that
    if (why == verdict::held && attempt_.steps.size() == 1)
      if (const auto stream = attempt_.steps.front().claim.stream;
          groups_.front().late || ++held_[stream] >= held_max) {
        leave_waiting(stream);
        return build();
      }
    if (++refusals_ >= attempts_max)
      failed(errc::retry_later, detail);
    return;
  case verdict::retry_later:
    return failed(errc::retry_later, detail);
  case verdict::misconfigured:
    return failed(errc::misconfigured, detail);
  case verdict::duplicate:
    if (!groups_.front().checked && !attempt_.check) {
      attempt_.check = true;
      return;
    }
    [[fallthrough]];
  case verdict::poison:
    if (attempt_.check)
      return failed(errc::retry_later, detail); // a check stores nothing that could be poison
    refusals_ = 0;
    return isolate(detail);
  }
}

void append_plan::failed(errc code, const std::string& detail) {
  const bool partly = any_stored_ && code == errc::retry_later;
  finished_ =
    failure{partly ? errc::in_doubt : code, partly ? "partly stored; then " + detail : detail};
}

void append_plan::isolate(const std::string& reason) {
  auto whole = std::move(groups_.front());
  groups_.pop_front();
  if (whole.pieces.size() > 1) {
    const auto middle = whole.pieces.begin() + static_cast<std::ptrdiff_t>(whole.pieces.size() / 2);
    groups_.push_front({{middle, whole.pieces.end()}, whole.checked, whole.late});
    groups_.push_front({{whole.pieces.begin(), middle}, whole.checked, whole.late});
    return build();
  }
  // Numbers have no holes, so halving the numbers halves the items.
  const auto only = whole.pieces.front();
  if (only.to - only.from > 1) {
    const auto middle = only.from + (only.to - only.from) / 2;
    groups_.push_front({{{only.append, middle, only.to}}, whole.checked, whole.late});
    groups_.push_front({{{only.append, only.from, middle}}, whole.checked, whole.late});
    return build();
  }
  const auto already = !attempt_.quarantine.empty();
  groups_.push_front(std::move(whole));
  if (!already && only.to != only.from)
    quarantine(only.append, only.to, reason);
  if (already || !made_.contains({only.append, only.to}))
    return failed(errc::misconfigured, "cannot be quarantined: " + reason);
  build();
}

void append_plan::quarantine(std::size_t append, std::uint64_t seq, const std::string& reason) {
  const auto& from = (*batch_)[append];
  quarantined_item item{seq, 0, as_text(reason), {}};
  for (const auto& run : from.frames)
    if (seq >= run.seq_first && seq - run.seq_first < run.block.size()) {
      const auto frame = run.block[seq - run.seq_first];
      item.time_us = frame.time_us;
      item.bytes = quarantine_bytes(frame);
      made_.insert_or_assign({append, seq}, std::move(item));
      return;
    }
  if (const auto* record = find_numbered(from.records, seq)) {
    item.time_us = record->record.time_us;
    item.bytes = quarantine_bytes(record->record);
    item.kind = record->record.kind;
    made_.insert_or_assign({append, seq}, std::move(item));
  }
}

void append_plan::drop_stream(std::int32_t stream) {
  if (std::find(outcome_.fenced.begin(), outcome_.fenced.end(), stream) == outcome_.fenced.end())
    outcome_.fenced.push_back(stream);
  (void)take_out(stream);
}

std::vector<append_plan::piece> append_plan::take_out(std::int32_t stream) {
  std::vector<piece> out;
  const auto is_of = [&](const piece& of) { return (*batch_)[of.append].claim.stream == stream; };
  for (auto& each : groups_) {
    std::copy_if(each.pieces.begin(), each.pieces.end(), std::back_inserter(out), is_of);
    std::erase_if(each.pieces, is_of);
  }
  std::erase_if(groups_, [](const group& of) { return of.pieces.empty(); });
  return out;
}

/// Behind all others, its pieces in their order.
void append_plan::set_aside(std::int32_t stream) {
  const auto pieces = take_out(stream);
  if (groups_.empty() || !groups_.back().late)
    groups_.push_back({{}, false, true});
  auto& last = groups_.back().pieces;
  last.insert(last.end(), pieces.begin(), pieces.end());
}

void append_plan::leave_waiting(std::int32_t stream) {
  outcome_.waiting.push_back(stream);
  (void)take_out(stream);
  refusals_ = 0;
}

} // namespace furrow::storage
