#include "tools/furrow-edge/source/spooler.hpp"

#include "proto/wire.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::chrono::milliseconds patience{50};
/// A block of long payloads is closed at this size, so that a batch stays far below its limit.
constexpr std::size_t long_payload_bytes = 128U << 10U;
constexpr std::size_t records_bytes = 128U << 10U;

} // namespace

replay_pace::time_point replay_pace::due(std::int64_t time_us, time_point now) {
  if (speed_ <= 0)
    return now;
  if (!last_us_)
    start_ = now;
  else
    elapsed_us_ += std::max(0.0, static_cast<double>(time_us) - static_cast<double>(*last_us_));
  last_us_ = time_us;
  const std::chrono::duration<double, std::micro> wait{elapsed_us_ / speed_};
  return start_ + std::chrono::duration_cast<time_point::duration>(wait);
}

spooler::spooler(spool& to,
                 frame_source& from,
                 double speed,
                 events on,
                 std::chrono::milliseconds delay,
                 clock now)
  : to_{to}, from_{from}, pace_{speed}, on_{std::move(on)}, delay_{delay}, now_{std::move(now)},
    buses_{to.state().buses}, buses_saved_{buses_.names().size()} {}

spooler::~spooler() {
  stop();
}

void spooler::start() {
  thread_ = std::jthread{[this](const std::stop_token& stopping) { run(stopping); }};
}

void spooler::stop() {
  if (!thread_.joinable())
    return;
  thread_.request_stop();
  thread_.join();
}

void spooler::ask_alive() {
  {
    const std::lock_guard lock{sleeping_}; // a thread that is about to sleep sees it
    asked_ = true;
  }
  wake_.notify_all();
}

void spooler::answer_if_asked() {
  if (asked_.load(std::memory_order_relaxed) && asked_.exchange(false) && on_.alive)
    on_.alive();
}

void spooler::run(const std::stop_token& stopping) {
  auto why = pump(stopping);
  // Saves what was read, however the source ended. Without room, a log is read again from the saved place.
  if (!failed_ && commit() == outcome::failed)
    why = failed_;
  std::uint64_t unsaved = 0;
  for (const auto& group : groups_)
    unsaved += group.count;
  if (unsaved != 0 && from_.live() && on_.warn)
    on_.warn("frames_lost",
             std::to_string(unsaved) + " frames are lost: there was no room for them at the end");
  if (on_.ended)
    on_.ended(why ? why : failed_);
}

std::optional<failure> spooler::pump(const std::stop_token& stopping) {
  source_frame frame;
  bool drained = true;
  for (std::uint64_t reads = 1; !stopping.stop_requested(); ++reads) {
    answer_if_asked();
    const auto status = from_.next(frame, drained ? patience_left() : patience);
    if (status == source_status::broken)
      return failure{errc::io, from_.trouble()};
    if (status == source_status::end) {
      close_block();
      (void)commit_or_wait(stopping);
      return std::nullopt;
    }
    bool full = false;
    if (status == source_status::frame) {
      if (!wait_until_due(frame, stopping))
        return std::nullopt; // not taken: it is read again from the saved place
      full = take(frame);
    }
    drained = status == source_status::quiet || from_.drained();
    // While more is at hand, the clock is read only now and then.
    if (full || ((drained || reads % 64 == 0) && commit_due(drained)))
      if (!commit_or_wait(stopping))
        return std::nullopt;
  }
  return std::nullopt;
}

/// Returns true if enough is pending to be saved.
bool spooler::take(const source_frame& frame) {
  if (waiting_ && from_.live()) {
    from_.refuse("there is no room in the spool");
    return now_() >= retry_at_;
  }
  if (frame.record != nullptr)
    return take_record(*frame.record);
  close_records();
  const auto bus = buses_.bus_of(frame.interface);
  if (!bus) {
    from_.refuse(can::bus_table::refusal(frame.interface));
    return false;
  }
  auto header = frame.header;
  header.bits |= std::uint64_t{*bus} << 32U;
  if (!pending())
    pending_since_ = now_();
  if (!block_.push(frame.time_us, header, frame.data)) {
    close_block();
    if (!block_.push(frame.time_us, header, frame.data)) {
      from_.refuse("no block can hold this frame");
      return false;
    }
  }
  from_.taken();
  if (block_.size() >= block_frames_max || block_.long_payload.size() >= long_payload_bytes)
    close_block();
  return groups_.size() >= blocks_max;
}

bool spooler::take_record(const can::record& record) {
  if (!pending())
    pending_since_ = now_();
  if (!block_.empty())
    close_block();
  records_.push_back(record);
  record_bytes_ += record.body.size();
  from_.taken();
  if (records_.size() >= block_records_max || record_bytes_ >= records_bytes)
    close_records();
  return groups_.size() >= blocks_max;
}

bool spooler::pending() const {
  return !block_.empty() || !records_.empty() || !groups_.empty();
}

void spooler::close_records() {
  if (records_.empty())
    return;
  const proto::item_group group{std::exchange(records_, {})};
  record_bytes_ = 0;
  groups_.push_back(
    {static_cast<std::uint32_t>(proto::item_count(group)), proto::encode_items(group)});
}

void spooler::close_block() {
  close_records();
  if (block_.empty())
    return;
  urgent_ = faults_.look(block_) || urgent_;
  picked_.look(block_);
  proto::item_group group{std::move(block_)};
  groups_.push_back(
    {static_cast<std::uint32_t>(proto::item_count(group)), proto::encode_items(group)});
  block_ = std::move(std::get<can::frame_block>(group));
  block_.clear();
}

bool spooler::commit_due(bool drained) const {
  if (waiting_)
    return now_() >= retry_at_;
  const auto longest = drained ? delay_ : std::max(delay_, bulk_delay);
  return pending() && now_() - pending_since_ >= longest;
}

/// How long the source may wait for a frame before what is pending must be saved.
std::chrono::milliseconds spooler::patience_left() const {
  if (!pending() || waiting_)
    return patience;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(pending_since_ + delay_ - now_());
  return std::clamp(left, std::chrono::milliseconds{0}, patience);
}

spooler::outcome spooler::commit() {
  close_block();
  const auto& names = buses_.names();
  const std::vector<can::bus_name> new_buses{
    names.begin() + static_cast<std::ptrdiff_t>(buses_saved_), names.end()};
  if (auto ok = to_.append(groups_, new_buses, &from_.progress()); !ok) {
    if (ok.code() == errc::full || ok.code() == errc::locked) {
      if (!waiting_.exchange(true) && on_.warn)
        on_.warn("spool_full",
                 "no room in the spool (" + ok.error().detail
                   + (from_.live() ? "): frames are refused and counted until there is"
                                   : "): reading waits until there is"));
      retry_at_ = now_() + retry_interval;
      return outcome::no_room;
    }
    failed_ = ok.error();
    return outcome::failed;
  }
  for (const auto& group : groups_)
    spooled_ += group.count;
  groups_.clear();
  to_.note_newest(picked_);
  picked_.clear();
  buses_saved_ = names.size();
  if (waiting_.exchange(false) && on_.warn)
    on_.warn("spool_has_room", "there is room in the spool again");
  if (std::exchange(urgent_, false) && on_.urgent)
    on_.urgent();
  if (on_.appended)
    on_.appended();
  return outcome::saved;
}

/// Returns false at the end.
bool spooler::commit_or_wait(const std::stop_token& stopping) {
  for (;;) {
    const auto how = commit();
    if (how != outcome::no_room)
      return how == outcome::saved;
    if (from_.live())
      return true;
    if (!sleep_until(retry_at_, stopping))
      return false;
  }
}

/// Returns false if the spooler was stopped meanwhile.
bool spooler::wait_until_due(const source_frame& frame, const std::stop_token& stopping) {
  const auto due = pace_.due(frame.time_us, now_());
  while (now_() < due) {
    const auto until = pending() ? std::min(due, pending_since_ + delay_) : due;
    if (!sleep_until(until, stopping))
      return false;
    // The current frame is not taken yet: the source's progress does not count it.
    if (until != due && !commit_or_wait(stopping))
      return false;
  }
  return true;
}

bool spooler::sleep_until(time_point until, const std::stop_token& stopping) {
  std::unique_lock lock{sleeping_};
  while (wake_.wait_until(lock, stopping, until, [this] { return asked_.load(); }))
    answer_if_asked();
  return !stopping.stop_requested();
}

} // namespace furrow::edge
