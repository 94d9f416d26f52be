#include "actors/ingest/stream_intake.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace furrow::actors {

namespace {

constexpr int epoch_timeline_shift = 40; // 0001_streams_and_blocks.sql

/// The bytes of a frame in quarantine: time, header, payload, little-endian.
std::string frame_bytes(const can::frame_view& frame, std::size_t payload_max) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &frame.time_us, 8);
  std::memcpy(bytes.data() + 8, &frame.header.bits, 8);
  const auto payload = std::min(frame.header.payload_bytes(), payload_max);
  bytes.append(reinterpret_cast<const char*>(frame.data), payload);
  return bytes;
}

} // namespace

void stream_intake::notify(actions& out, decltype(session_notice::what) what) {
  if (session_ != 0)
    out.emplace_back(session_notice{session_, std::move(what)});
}

void stream_intake::greet(std::uint64_t session, const greeting& from, actions& out) {
  notify(out, proto::reject{proto::reject_code::superseded,
                            "a newer session of this stream has taken over", 0});
  session_ = session;
  request_.farm = from.farm;
  request_.equipment = from.hello.equipment;
  request_.stream_id = from.hello.stream_id;
  request_.iso_name = from.hello.iso_name;
  request_.runs = from.hello.runs;
  request_.sources = from.hello.sources;
  request_.relayed = from.relayed;
  hello_first_ = from.hello.first_seq;
  sent_ = std::max(sent_, from.hello.last_seq);
  heard_ = from.hello.last_seq;
  buses_ = from.hello.buses;
  new_buses_ = buses_;
  drop_pending();
  welcomed_ = false;
  fences_ = failures_ = 0;
  phase_ = phase::unclaimed;
  request_.held_epoch = 0;
  want_claim(out);
}

void stream_intake::want_claim(actions& out) {
  claiming_ = true;
  const auto wait = failures_ < 2 ? 0 : std::min(100 << std::min(failures_ - 2, 6), 5'000);
  out.emplace_back(claim_wish{++ticket_, std::chrono::milliseconds{wait}, request_});
}

void stream_intake::start_over(std::uint64_t durable) {
  durable_ = durable;
  next_ = durable + 1;
  packed_from_ = packed_to_ = in_flight_to_ = durable;
  rewinding_ = false;
}

void stream_intake::drop_pending() {
  pending_ = held_append{};
  pending_frames_ = pending_bytes_ = 0;
  packed_to_ = packed_from_;
}

void stream_intake::claimed(std::uint64_t ticket,
                            const storage::claim_outcome& outcome,
                            actions& out) {
  if (ticket != ticket_)
    return;
  claiming_ = false;
  if (outcome.fork_seq) {
    notify(out, proto::reject{proto::reject_code::forked,
                              "this spool is a copy: the stream holds other items from number "
                                + std::to_string(*outcome.fork_seq) + " on",
                              *outcome.fork_seq, outcome.durable_seq});
    session_ = 0;
    return;
  }
  if (outcome.known) {
    notify(out, proto::reject{proto::reject_code::known,
                              request_.equipment + " has " + outcome.known->offered
                                + " already: it was stored at " + outcome.known->stored_at
                                + ", from " + outcome.known->name,
                              0, 0});
    session_ = 0;
    return;
  }
  request_.sources.clear(); // they are noted
  if (session_ != 0 && hello_first_ > outcome.durable_seq + 1) {
    notify(out, proto::reject{proto::reject_code::gone,
                              "the database holds the stream up to "
                                + std::to_string(outcome.durable_seq) + " and the spool begins at "
                                + std::to_string(hello_first_),
                              0, 0});
    session_ = 0;
    return;
  }
  const bool was_adrift = phase_ == phase::adrift;
  claim_ = outcome.claim;
  start_over(outcome.durable_seq);
  new_buses_ = buses_;
  phase_ = phase::open;
  counted_.rewinds += was_adrift ? 1 : 0;
  if (std::exchange(welcomed_, true))
    notify(out, session_notice::rewind{next_});
  else
    notify(out, session_notice::welcome{claim_.epoch, next_});
  // Neither message says what is durable: a rewind may be for a hole, a welcome for the live view only.
  notify(out, session_notice::ack{durable_});
}

void stream_intake::claim_delayed(std::uint64_t ticket, actions& out) {
  if (ticket != ticket_ || phase_ != phase::unclaimed)
    return;
  phase_ = phase::adrift;
  notify(out, session_notice::welcome{0, heard_ + 1});
}

void stream_intake::claim_failed(std::uint64_t ticket, const storage::failure& why, actions& out) {
  if (ticket != ticket_)
    return;
  claiming_ = false;
  // What the database will never take is no reason to try again.
  const auto code = why.code == storage::errc::reject_row ? proto::reject_code::credentials
                                                          : proto::reject_code::unavailable;
  notify(out, proto::reject{code, "the stream cannot be claimed: " + why.detail, 0});
  session_ = 0;
}

void stream_intake::note_buses(const std::vector<can::bus_name>& buses) {
  for (const auto& bus : buses) {
    if (std::find(buses_.begin(), buses_.end(), bus) != buses_.end()
        || buses_.size() >= proto::buses_max)
      continue;
    buses_.push_back(bus);
    new_buses_.push_back(bus);
  }
}

void stream_intake::received(std::uint64_t session,
                             proto::batch batch,
                             std::vector<memory_lease> leases,
                             can::machine_monitor& machine,
                             actions& out) {
  if (session != session_)
    return; // a batch of a superseded session
  sent_ = std::max(sent_, batch.last_seq);
  note_buses(batch.buses);
  if (phase_ != phase::open) {
    hear(batch, machine);
    return;
  }
  const auto count = batch.count();
  if (count == 0)
    return;
  const auto last = batch.first_seq + count - 1;
  if (last < next_) {
    counted_.duplicates += count;
    notify(out, session_notice::ack{durable_});
    return;
  }
  if (batch.first_seq > next_) {
    // A hole. Batches that were sent before the rewind still arrive, so ask only once.
    if (!std::exchange(rewinding_, true)) {
      ++counted_.rewinds;
      notify(out, session_notice::rewind{next_});
    }
    return;
  }
  rewinding_ = false;
  counted_.duplicates += next_ - batch.first_seq;
  auto seq = batch.first_seq;
  for (auto& group : batch.items) {
    const auto items = proto::item_count(group);
    const auto skip = next_ > seq ? next_ - seq : 0;
    if (skip < items)
      take(group, seq, skip, machine);
    seq += items;
  }
  next_ = last + 1;
  packed_to_ = last;
  for (auto& lease : leases) {
    pending_bytes_ += lease.bytes();
    pending_.leases.push_back(std::move(lease));
  }
  if (pending_frames_ >= block_frames_max_)
    flush(out);
}

void stream_intake::take(proto::item_group& group,
                         std::uint64_t first,
                         std::uint64_t skip,
                         can::machine_monitor& machine) {
  if (auto* block = std::get_if<can::frame_block>(&group))
    take_frames(*block, first, skip, machine);
  else if (const auto* gone = std::get_if<can::gone_items>(&group))
    take_gone(*gone, first, skip);
  else
    take_records(std::get<std::vector<can::record>>(group), first, skip);
}

void stream_intake::take_frames(can::frame_block& block,
                                std::uint64_t first,
                                std::uint64_t skip,
                                can::machine_monitor& machine) {
  const auto count = block.size();
  show(block, first, shown_, machine);
  count_ahead(block, skip);
  const bool sound =
    std::all_of(block.headers.begin(), block.headers.end(), [](std::uint64_t bits) {
      return can::fault_of(can::frame_header{bits}) == can::frame_fault::none;
    });
  if (!sound) {
    pack_checked(block, first + skip, skip, count - skip);
  } else {
    if (skip == 0 && pending_.append.frames.empty())
      pending_.append.frames.push_back(
        {first, std::move(block)}); // the usual case under load: no copy
    else
      pack_frames(block, first + skip, skip, count - skip);
  }
  counted_.frames += count - skip;
  pending_frames_ += count - skip;
}

void stream_intake::count_ahead(const can::frame_block& block, std::uint64_t skip) {
  const auto [earliest, latest] = block.time_range_us();
  if (latest <= ahead_after_us_)
    return;
  for (auto i = static_cast<std::size_t>(skip); i < block.size(); ++i) {
    if (block.time_us(i) <= ahead_after_us_)
      continue;
    ++counted_.ahead;
    latest_ahead_us_ = std::max(latest_ahead_us_, block.time_us(i));
  }
}

void stream_intake::pack_frames(const can::frame_block& block,
                                std::uint64_t seq,
                                std::size_t first,
                                std::size_t count) {
  auto& runs = pending_.append.frames;
  const bool follows = !runs.empty() && runs.back().seq_first + runs.back().block.size() == seq
                       && runs.back().block.size() < block_frames_max_;
  if (follows && runs.back().block.append(block, first, count))
    return;
  runs.push_back({seq, {}});
  if (runs.back().block.append(block, first, count))
    return;
  // The times are too far apart for one block: pack frame by frame, and begin a block where needed.
  for (std::size_t i = first; i < first + count; ++i) {
    const auto frame = block[i];
    if (runs.back().block.push(frame.time_us, frame.header, frame.data))
      continue;
    runs.push_back({seq + (i - first), {}});
    (void)runs.back().block.push(frame.time_us, frame.header,
                                 frame.data); // an empty block takes any frame
  }
}

void stream_intake::pack_checked(const can::frame_block& block,
                                 std::uint64_t seq,
                                 std::size_t first,
                                 std::size_t count) {
  std::size_t sound_from = first;
  const auto pack_until = [&](std::size_t end) {
    if (end > sound_from)
      pack_frames(block, seq + (sound_from - first), sound_from, end - sound_from);
  };
  for (std::size_t i = first; i < first + count; ++i) {
    const auto fault = can::fault_of(block.header(i));
    if (fault == can::frame_fault::none)
      continue;
    pack_until(i);
    sound_from = i + 1;
    const auto frame = block[i];
    pending_.append.quarantine.push_back({seq + (i - first), frame.time_us, can::to_string(fault),
                                          frame_bytes(frame, can::xl_bytes_max)});
    ++counted_.quarantined;
  }
  pack_until(first + count);
}

void stream_intake::take_records(std::vector<can::record>& records,
                                 std::uint64_t first,
                                 std::uint64_t skip) {
  for (auto i = static_cast<std::size_t>(skip); i < records.size(); ++i)
    pending_.append.records.push_back({first + i, std::move(records[i])});
}

void stream_intake::take_gone(const can::gone_items& gone,
                              std::uint64_t first,
                              std::uint64_t skip) {
  pending_.append.gone.push_back({first + skip, first + gone.count - 1, gone.why});
}

void stream_intake::hear(const proto::batch& batch, can::machine_monitor& machine) {
  // Nothing is kept: the gateway sends the items again when the stream is claimed.
  auto seq = batch.first_seq;
  for (const auto& group : batch.items) {
    if (const auto* block = std::get_if<can::frame_block>(&group))
      show(*block, seq, std::max(heard_, shown_), machine);
    seq += proto::item_count(group);
  }
  if (seq > 0)
    heard_ = std::max(heard_, seq - 1);
}

void stream_intake::show(const can::frame_block& block,
                         std::uint64_t first,
                         std::uint64_t after,
                         can::machine_monitor& machine) {
  const auto end = first + block.size();
  if (end <= after + 1)
    return;
  machine.update(block, after >= first ? after + 1 - first : 0, first <= sampled_to_);
  shown_ = end - 1;
}

bool stream_intake::sampled(std::uint64_t session, std::uint64_t as_of) {
  if (session != session_)
    return false;
  sampled_to_ = std::max(sampled_to_, as_of);
  return true;
}

void stream_intake::flush(actions& out, std::chrono::milliseconds patience) {
  if (phase_ != phase::open || packed_to_ == packed_from_)
    return;
  auto held = std::make_shared<held_append>(std::exchange(pending_, held_append{}));
  pending_frames_ = pending_bytes_ = 0;
  held->patience = patience;
  held->append.claim = claim_;
  held->append.from = packed_from_;
  held->append.to = packed_to_;
  held->append.sent = std::max(sent_, packed_to_);
  held->append.buses = std::exchange(new_buses_, {});
  packed_from_ = in_flight_to_ = packed_to_;
  out.emplace_back(std::move(held));
}

void stream_intake::committed(std::int64_t epoch, std::uint64_t to, actions& out) {
  if (phase_ != phase::open || epoch != claim_.epoch)
    return; // a later claim has read what is durable
  durable_ = std::max(durable_, to);
  fences_ = failures_ = 0;
  notify(out, session_notice::ack{durable_});
}

void stream_intake::append_failed(std::int64_t epoch, bool fenced, actions& out) {
  if (phase_ != phase::open || epoch != claim_.epoch)
    return;
  // The newer claim may be of a session that has ended, or of this machine's former actor: claim again to find out
  // (a copy of the spool is recognized by its runs). A session that fences this one repeatedly is the newer one.
  ++failures_;
  if (!fenced || ++fences_ < fences_max) {
    go_adrift(out);
    return;
  }
  notify(out, proto::reject{proto::reject_code::superseded,
                            "another session keeps claiming this stream", 0});
  end_session();
}

void stream_intake::append_taken(std::int64_t epoch, time_point now, actions& out) {
  if (phase_ == phase::open && epoch == claim_.epoch)
    yield(now, out);
}

void stream_intake::claim_taken(std::uint64_t ticket, time_point now, actions& out) {
  if (ticket != ticket_)
    return;
  claiming_ = false;
  yield(now, out);
}

void stream_intake::claim_moved(std::uint64_t ticket, const storage::farm_home& to, actions& out) {
  if (ticket != ticket_)
    return; // the newer claim gets the same answer
  claiming_ = false;
  end_session();
  out.emplace_back(farm_departure{to});
}

/// To claim again would take the stream from the node that serves it. A gateway that lives greets again within 250 ms and
/// is then the newest; one that has gone never does. When this happens repeatedly, two gateways have one stream: this one
/// waits for long.
void stream_intake::yield(time_point now, actions& out) {
  const bool often = yields_.back() && now - *yields_.back() < yields_window;
  if (often)
    notify(out, proto::reject{proto::reject_code::superseded,
                              "another node keeps claiming this stream", 0});
  else
    notify(out, session_notice::yield{});
  if (session_ != 0) {
    std::rotate(yields_.begin(), yields_.end() - 1, yields_.end());
    yields_.front() = now;
  }
  end_session();
}

void stream_intake::end_session() {
  session_ = 0;
  drop_pending();
  start_over(durable_);
  phase_ = phase::unclaimed;
}

void stream_intake::desk_lost(actions& out) {
  if (claiming_)
    want_claim(out);
}

void stream_intake::lane_lost(actions& out) {
  if (phase_ == phase::open && (in_flight_to_ > durable_ || packed()))
    go_adrift(out);
}

void stream_intake::store_replaced(std::uint64_t timeline, actions& out) {
  const bool waits = phase_ != phase::open || packed() || in_flight_to_ > durable_;
  if (session_ != 0 && !waits
      && claim_.epoch >> epoch_timeline_shift < static_cast<std::int64_t>(timeline))
    go_adrift(out);
}

void stream_intake::go_adrift(actions& out) {
  drop_pending();
  heard_ = next_ - 1;
  phase_ = phase::adrift;
  request_.held_epoch = claim_.epoch;
  if (!claiming_)
    want_claim(out);
}

void stream_intake::detach(std::uint64_t session, actions& out) {
  if (session != session_)
    return;
  session_ = 0;
  if (!std::exchange(claiming_, false))
    return;
  // A claim without a session would only take the stream from the node that the gateway has gone to.
  out.emplace_back(claim_withdrawal{ticket_++});
  end_session();
}

bool stream_intake::idle() const {
  return session_ == 0 && !claiming_
         && !(phase_ == phase::open && (packed() || in_flight_to_ > durable_));
}

} // namespace furrow::actors
