// What a connection carries: batches, and the samples beside a backlog.
#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

using log::level;

/// Leaves blocks that have about so many bytes together; at least one.
void keep_within(std::vector<item_block>& blocks, std::size_t limit) {
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (; kept < blocks.size() && (kept == 0 || bytes + blocks[kept].bytes->size() <= limit); ++kept)
    bytes += blocks[kept].bytes->size();
  blocks.resize(kept);
}

} // namespace

/// The size of a batch: less on a bad line or a limited one, and while samples go between batches.
std::size_t uplink_protocol::batch_limit() const {
  const auto most = std::min(batch_bytes_, store_.batch_bytes_max());
  return samples_.behind() ? line_.batch_bytes(most) : most;
}

/// Reads the blocks of the next batch. On a bad line a block that is too large is divided.
result<std::vector<item_block>> uplink_protocol::next_blocks() {
  const bool gathers = pace_.interval().count() > 0;
  const auto limit = batch_limit();
  constexpr std::size_t joined_to = 3; // small blocks become so much smaller
  auto blocks = store_.read(next_seq_, gathers && samples_.behind() ? joined_to * limit : limit,
                            gathers ? uplink_config::blocks_read_max : proto::groups_max);
  if (blocks && gathers)
    join_small(*blocks, proto::groups_max);
  if (!blocks || blocks->empty() || limit >= config_.batch_bytes)
    return blocks;
  if (samples_.behind())
    keep_within(*blocks, limit);
  const auto first = blocks->front();
  const auto skip = next_seq_ - first.seq_first;
  if (skip == 0 && first.bytes->size() <= limit)
    return blocks;
  const auto fitting = limit * first.count / std::max<std::size_t>(1, first.bytes->size());
  auto part = items_after(*first.bytes, skip, std::max<std::uint64_t>(1, fitting));
  if (!part)
    return part.error();
  return std::vector<item_block>{
    {next_seq_, part->count, std::make_shared<const std::string>(std::move(part->bytes))}};
}

bool uplink_protocol::understood(const std::vector<item_block>& blocks) const {
  return version_ >= proto::version_gone
         || std::none_of(blocks.begin(), blocks.end(),
                         [](const item_block& block) { return proto::holds_gone(*block.bytes); });
}

std::optional<std::string> uplink_protocol::next_batch(time_point now) {
  if (phase_ != phase::streaming)
    return std::nullopt;
  if (auto sample = next_sample(now))
    return sample;
  if (!pace_.may_send(now, next_seq_, store_.last_seq())
      || (samples_.behind() && !line_.has_room()))
    return std::nullopt;
  if (store_.run() != hello_run_) {
    // Items of a run that the node does not know would later look like those of a copy.
    actions_.emplace_back(uplink_action::close{});
    say(level::debug, "run_begins",
        nodes_.current() + ": sending a new hello, because the spool has begun a run");
    wait(now, nodes_.pointed_to(nodes_.current()));
    return std::nullopt;
  }
  if (!store_.ready(next_seq_))
    return std::nullopt;
  auto blocks = next_blocks();
  if (blocks && !understood(*blocks)) {
    stop({errc::usage, nodes_.current() + " speaks protocol version " + std::to_string(version_)
                         + ", which cannot say that items are gone: upgrade it first"});
    return std::nullopt;
  }
  if (!blocks || blocks->empty()) {
    stop(blocks ? failure{errc::damaged, "item " + std::to_string(next_seq_) + " is missing"}
                : blocks.error());
    return std::nullopt;
  }
  // Many short records could exceed the limit of a message.
  std::size_t records = 0;
  const auto too_many = std::find_if(blocks->begin(), blocks->end(), [&](const item_block& block) {
    records += proto::holds_records(*block.bytes) ? block.count : 0;
    return records > proto::records_max;
  });
  if (too_many != blocks->begin())
    blocks->erase(too_many, blocks->end());
  std::vector<std::string_view> groups;
  groups.reserve(blocks->size());
  for (const auto& block : *blocks)
    groups.push_back(*block.bytes);
  std::vector<can::bus_name> buses;
  if (store_.bus_count() != buses_told_) {
    buses = store_.state().buses;
    buses_told_ = buses.size();
  }
  std::string bytes;
  if (auto ok =
        proto::encode_batch(blocks->front().seq_first, store_.last_seq(), buses, groups, bytes);
      !ok) {
    stop({errc::damaged,
          "items from " + std::to_string(next_seq_) + " on cannot be sent: " + ok.error().detail});
    return std::nullopt;
  }
  if (is_acked())
    in_flight_ = now;
  next_seq_ = blocks->back().seq_last() + 1;
  sent_at_ = now;
  if (samples_.behind()) {
    samples_.batch_sent(bytes.size());
    gauge(now, bytes);
  }
  store_.note_sent(bytes.size());
  return bytes;
}

void uplink_protocol::begin_samples(time_point now) {
  samples_ = {};
  sample_sent_ = 0;
  if (!may_sample())
    return;
  samples_.begin(now, standing());
  line_.begin();
  store_.begin_samples();
}

sample_pace::standing uplink_protocol::standing() const {
  return {next_seq_, store_.last_seq(), store_.acked_seq()};
}

bool uplink_protocol::may_sample() const {
  return version_ >= proto::version_of_sample && store_.has_samples();
}

/// Sends a ping behind what is sent, where one is due.
void uplink_protocol::gauge(time_point now, std::string& bytes, bool must) {
  if (const auto nonce = line_.sent(now, bytes.size(), must))
    (void)proto::encode(proto::ping{*nonce}, bytes); // a number: cannot fail
}

std::optional<std::string> uplink_protocol::next_sample(time_point now) {
  if (!may_sample())
    return std::nullopt;
  const bool was_behind = samples_.behind();
  if (!samples_.look(now, standing(), pace_.interval()))
    return std::nullopt;
  if (!was_behind) {
    line_.begin();
    sample_sent_ = 0;
  }
  samples_.batch_sent(store_.sent_by_others());
  if (!samples_.is_due(now, pace_.interval()) || !line_.has_arrived(sample_sent_)
      || !store_.sample_ready())
    return std::nullopt;
  auto frames = store_.sample(next_seq_, samples_.room());
  if (frames.empty()) {
    samples_.nothing_new(now);
    return std::nullopt;
  }
  std::string bytes;
  // Far below every limit: it cannot fail, but for a stream of more than 2^63 items.
  if (!proto::encode(proto::sample{store_.sample_as_of(), std::move(frames)}, bytes)) {
    samples_.nothing_new(now);
    return std::nullopt;
  }
  samples_.sampled(now);
  sent_at_ = now;
  gauge(now, bytes, true);
  sample_sent_ = line_.sent();
  store_.note_sampled(bytes.size());
  return bytes;
}

std::optional<uplink_protocol::time_point> uplink_protocol::sample_due() const {
  if (!may_sample() || !line_.has_arrived(sample_sent_))
    return std::nullopt;
  return samples_.due(pace_.interval());
}

} // namespace furrow::edge
