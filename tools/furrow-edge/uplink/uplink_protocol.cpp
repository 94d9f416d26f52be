#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

using log::level;
using std::chrono::milliseconds;

// A keepalive that a node asks for is limited to this range.
constexpr milliseconds keepalive_least{100};
constexpr milliseconds keepalive_most{120'000};
constexpr milliseconds keepalive_unsaid{10'000};
constexpr int keepalives_to_death = 3;
// The silence that a node promises not to exceed is limited to this range.
constexpr milliseconds silence_least{500};
constexpr milliseconds silence_most{60'000};
constexpr unsigned redirects_max = 5;
constexpr unsigned refusals_max = 3;
constexpr std::size_t told_max = 256;

std::string range(std::uint64_t first, std::uint64_t last) {
  return std::to_string(first) + " to " + std::to_string(last);
}

} // namespace

uplink_protocol::uplink_protocol(uplink_config config, item_store& store)
  : config_{std::move(config)}, store_{store}, nodes_{config_.equipment, config_.nodes,
                                                      config_.seed},
    batch_bytes_{config_.batch_bytes}, pace_{config_.interval} {}

std::vector<uplink_action::any> uplink_protocol::take_actions() {
  return std::exchange(actions_, {});
}

void uplink_protocol::say(level how, log::event event, std::string text) {
  actions_.emplace_back(uplink_action::note{how, event, nodes_.current(), std::move(text)});
}

void uplink_protocol::start(time_point now) {
  connect(now);
}

milliseconds uplink_protocol::patience(milliseconds limit, milliseconds longest) const {
  return std::min(longest, limit * (1 << std::min<std::size_t>(nodes_.rounds(), 8)));
}

void uplink_protocol::connect(time_point now) {
  phase_ = phase::connecting;
  deadline_ = now + patience(config_.connect_timeout, config_.connect_longest);
  actions_.emplace_back(uplink_action::connect{nodes_.current()});
}

void uplink_protocol::wait(time_point now, milliseconds pause) {
  phase_ = phase::waiting;
  deadline_ = now + pause;
}

void uplink_protocol::stop(failure why) {
  if (phase_ != phase::idle && phase_ != phase::waiting && phase_ != phase::stopped)
    actions_.emplace_back(uplink_action::close{});
  phase_ = phase::stopped;
  actions_.emplace_back(uplink_action::stop{std::move(why)});
}

/// Leaves this connection and tries the next node after a pause. The same cause is logged as a warning once.
void uplink_protocol::drop(time_point now, const std::string& why) {
  tried_ = true;
  if (phase_ == phase::streaming)
    shrink_batches();
  if (phase_ != phase::waiting)
    actions_.emplace_back(uplink_action::close{});
  const auto text = nodes_.current() + ": " + why;
  if (told_.size() >= told_max)
    told_.clear();
  const bool is_new = told_.insert(text).second;
  say(is_new ? level::warning : level::debug, "node_failed", text + "; trying again");
  wait(now, nodes_.after_failure());
}

/// The line was cut with items on their way: the next time less is under way at once.
void uplink_protocol::shrink_batches() {
  if (next_seq_ > store_.acked_seq() + 1)
    batch_bytes_ = std::max(uplink_config::batch_bytes_least, batch_bytes_ / 4);
}

void uplink_protocol::connected(time_point now) {
  ever_connected_ = true;
  const auto state = store_.state();
  proto::hello hello;
  hello.token = config_.token;
  hello.equipment = config_.equipment;
  hello.stream_id = state.stream_id;
  hello.iso_name = config_.iso_name;
  hello.first_seq = state.first_seq;
  hello.last_seq = state.last_seq;
  hello.runs = state.runs;
  hello.buses = state.buses;
  hello.software = config_.software;
  hello.sources = config_.sources;
  hello.unreachable = nodes_.unreachable(now);
  hello_run_ = state.runs.empty() ? 0 : state.runs.back().run;
  buses_told_ = state.buses.size();
  phase_ = phase::greeting;
  pace_.begin();
  deadline_ = now + config_.welcome_timeout;
  silence_ = patience(config_.welcome_silence, config_.welcome_timeout);
  heard_at_ = now;
  in_flight_ = now;
  send(now, hello);
}

void uplink_protocol::disconnected(time_point now, const std::string& why) {
  if (phase_ == phase::stopped || phase_ == phase::waiting)
    return;
  if (phase_ == phase::leaving)
    return point_to(now, leaving_for_, "has stopped");
  if (phase_ == phase::connecting || is_unanswered())
    nodes_.note_unreachable(now);
  drop(now, why);
}

void uplink_protocol::received_garbage(time_point now, const std::string& why) {
  if (phase_ == phase::greeting || phase_ == phase::streaming || phase_ == phase::leaving)
    drop(now, "it sent an invalid message (" + why + ")");
}

void uplink_protocol::received(time_point now, const proto::message& what) {
  if (phase_ != phase::greeting && phase_ != phase::streaming && phase_ != phase::leaving)
    return;
  heard_at_ = now;
  std::visit([&](const auto& m) { hear(now, m); }, what);
}

void uplink_protocol::send(time_point now, const proto::message& what) {
  std::string bytes;
  if (auto ok = proto::encode(what, bytes); !ok) {
    stop({errc::usage, "cannot encode the message: " + ok.error().detail});
    return;
  }
  sent_at_ = now;
  actions_.emplace_back(uplink_action::send{std::move(bytes)});
}

void uplink_protocol::hear(time_point now, const proto::welcome& m) {
  if (phase_ == phase::leaving)
    return;
  if (m.version < proto::version_min || m.version > proto::version_max)
    return drop(now, "it speaks protocol version " + std::to_string(m.version));
  const auto state = store_.state();
  if (m.resume_from > state.last_seq + 1)
    return stop(
      {errc::foreign, nodes_.current() + " holds items up to " + std::to_string(m.resume_from - 1)
                        + " of this stream, but the spool "
                          "has given numbers only up to "
                        + std::to_string(state.last_seq) + ": it is not the spool of this stream"});
  // Epoch 0: the database is away. The node takes items for its live view, and promises nothing.
  const bool is_claimed = m.epoch != 0;
  if (is_claimed && m.resume_from < state.first_seq)
    return missing(now, m.resume_from);
  if (is_claimed)
    if (auto ok = store_.welcomed(m.resume_from, hello_run_); !ok)
      return stop(ok.error());
  next_seq_ = std::max(m.resume_from, state.first_seq);
  pace_.again_from(next_seq_, state.last_seq);
  version_ = m.version;
  begin_samples(now);
  nodes_.learn(m.nodes);
  nodes_.succeeded();
  redirects_ = 0;
  told_.clear();
  const auto asked = m.keepalive_ms == 0 ? keepalive_unsaid : milliseconds{m.keepalive_ms};
  keepalive_ = std::clamp(asked, keepalive_least, keepalive_most);
  silence_ = m.silence_ms == 0
               ? milliseconds{0}
               : std::clamp(milliseconds{m.silence_ms}, silence_least, silence_most);
  phase_ = phase::streaming;
  tried_ = true;
  say(level::info, "node_connected",
      nodes_.current()
        + (is_claimed ? ": connected, continuing from item " + std::to_string(m.resume_from)
                      : ": connected for the live view, its database is away"));
}

/// The node needs items that the spool has deleted.
void uplink_protocol::missing(time_point now, std::uint64_t needed_from) {
  const auto first = store_.state().first_seq;
  go_on_without(now, "it needs items from " + std::to_string(needed_from)
                       + " on, but the spool begins at " + std::to_string(first) + ": items "
                       + range(needed_from, first - 1) + " are lost");
}

void uplink_protocol::go_on_without(time_point now, const std::string& loss) {
  const auto text = nodes_.current() + ": " + loss;
  if (!config_.accept_loss)
    return stop({errc::gone, text + ". To send the rest as a new stream, run with --accept-loss"});
  if (auto ok = store_.fork(store_.state().first_seq, 0); !ok)
    return stop(ok.error());
  config_.sources.clear(); // the rest of a file is no file that another stream holds
  say(level::warning, "items_lost",
      text + "; the rest continues as stream " + can::to_string(store_.state().stream_id));
  actions_.emplace_back(uplink_action::close{});
  wait(now, nodes_.pointed_to(nodes_.current()));
}

void uplink_protocol::hear(time_point now, const proto::ack& m) {
  if (phase_ == phase::greeting)
    return drop(now, "it broke the protocol: an ack before its welcome");
  const auto last = store_.last_seq();
  if (m.durable_seq > last)
    return drop(now, "it broke the protocol: an ack of item " + std::to_string(m.durable_seq)
                       + ", the last one is " + std::to_string(last));
  if (m.durable_seq > store_.acked_seq())
    batch_bytes_ = std::min(config_.batch_bytes, 2 * batch_bytes_);
  store_.acknowledge(m.durable_seq);
  if (is_acked())
    line_.all_arrived(now);
  refusals_ = 0;
  if (phase_ == phase::leaving)
    leave_when_acked(now);
}

void uplink_protocol::hear(time_point now, const proto::rewind& m) {
  if (phase_ == phase::leaving)
    return point_to(now, leaving_for_, "is stopping");
  const auto state = store_.state();
  if (phase_ != phase::streaming || m.from_seq > state.last_seq + 1)
    return drop(now, "it broke the protocol: a rewind to item " + std::to_string(m.from_seq));
  if (m.from_seq < state.first_seq)
    return missing(now, m.from_seq);
  store_.rewind(m.from_seq);
  ++rewinds_;
  say(level::debug, "node_rewinds",
      nodes_.current() + " requests items again, from " + std::to_string(m.from_seq));
  next_seq_ = m.from_seq;
  pace_.again_from(m.from_seq, state.last_seq);
}

void uplink_protocol::point_to(time_point now, const std::string& node, const std::string& why) {
  actions_.emplace_back(uplink_action::close{});
  say(level::info, "node_sends_away",
      nodes_.current() + " " + why + (node.empty() ? "" : "; going to " + node));
  wait(now, nodes_.pointed_to(node));
}

void uplink_protocol::hear(time_point now, const proto::redirect& m) {
  if (++redirects_ > redirects_max)
    return drop(now, "the nodes redirect this gateway in a circle");
  point_to(now, m.node, "redirects this gateway");
}

/// What is in flight is acked by this node if it can be, so that it does not travel twice.
void uplink_protocol::hear(time_point now, const proto::goaway& m) {
  if (phase_ == phase::greeting)
    return point_to(now, m.node, "is stopping");
  if (phase_ == phase::streaming)
    deadline_ = now + config_.leave_timeout;
  phase_ = phase::leaving;
  leaving_for_ = m.node;
  leave_when_acked(now);
}

void uplink_protocol::leave_when_acked(time_point now) {
  if (is_acked())
    point_to(now, leaving_for_, "is stopping");
}

void uplink_protocol::hear(time_point now, const proto::ping& m) {
  send(now, proto::pong{m.nonce});
}

void uplink_protocol::hear(time_point now, const proto::pong& m) {
  line_.heard(now, m.nonce);
}

void uplink_protocol::hear(time_point /*now*/, const proto::pace& m) {
  pace_.set(milliseconds{m.interval_ms});
}

void uplink_protocol::hear(time_point now, const proto::hello& /*m*/) {
  drop(now, "it sent a hello: it is a gateway, not a node");
}

void uplink_protocol::hear(time_point now, const proto::batch& /*m*/) {
  drop(now, "it sent items: it is a gateway, not a node");
}

void uplink_protocol::hear(time_point now, const proto::sample& /*m*/) {
  drop(now, "it sent a sample: it is a gateway, not a node");
}

void uplink_protocol::hear(time_point now, const proto::reject& m) {
  const auto said = m.reason.empty() ? std::string{to_string(m.code)} : m.reason;
  switch (m.code) {
  case proto::reject_code::version:
  case proto::reject_code::credentials:
    return stop({errc::usage, nodes_.current() + " rejects this gateway: " + said});
  case proto::reject_code::malformed:
  case proto::reject_code::limit:
    return refused(now, m);
  case proto::reject_code::forked:
    return forked(now, m);
  case proto::reject_code::gone:
    return go_on_without(now, said);
  case proto::reject_code::known:
    return stop({errc::known, nodes_.current() + ": " + said});
  case proto::reject_code::superseded:
    // Otherwise two gateways with one stream would replace each other for ever: the loser waits for long.
    actions_.emplace_back(uplink_action::close{});
    say(level::warning, "node_rejects", nodes_.current() + ": " + said + "; trying again later");
    return wait(now, nodes_.long_pause());
  case proto::reject_code::unspecified:
  case proto::reject_code::unavailable:
    return drop(now, said);
  }
  drop(now, said);
}

/// The line may have damaged the message, or this program may be wrong: retries, but not for ever.
void uplink_protocol::refused(time_point now, const proto::reject& m) {
  const auto said = "it rejects what this gateway sends: " + m.reason;
  if (++refusals_ >= refusals_max)
    return stop({errc::usage, nodes_.current() + ": " + said});
  drop(now, said);
}

/// This spool is a copy that parted from its stream: its own items become a new stream.
void uplink_protocol::forked(time_point now, const proto::reject& m) {
  const auto before = store_.state();
  if (auto ok = store_.fork(m.fork_seq, m.durable_seq); !ok)
    return stop(ok.error());
  config_.sources.clear(); // the original stream holds the files; the copy adds what is new in them
  const auto after = store_.state();
  say(level::warning, "spool_copied",
      "this spool is a copy of stream " + can::to_string(before.stream_id) + " from before item "
        + std::to_string(m.fork_seq) + ": its " + std::to_string(after.last_seq)
        + " items from there on, or that no node has, are now stream "
        + can::to_string(after.stream_id));
  actions_.emplace_back(uplink_action::close{});
  wait(now, nodes_.pointed_to(nodes_.current()));
}

std::optional<uplink_protocol::time_point> uplink_protocol::deadline() const {
  switch (phase_) {
  case phase::idle:
  case phase::stopped:
    return std::nullopt;
  case phase::waiting:
  case phase::connecting:
  case phase::leaving:
    return deadline_;
  case phase::greeting:
    return std::min(deadline_, after_silence().at);
  case phase::streaming:
    break;
  }
  const auto owed = std::min(ask_at(), after_silence().at);
  return std::min(
    {owed, pace_.due(next_seq_, store_.last_seq()).value_or(owed), sample_due().value_or(owed)});
}

uplink_protocol::time_point uplink_protocol::ask_at() const {
  return std::max(std::min(sent_at_, heard_at_), asked_at_) + keepalive_;
}

/// A node that owes an answer and is silent gets a ping after two fifths of the silence; it is left three fifths after
/// the ping, so that a gateway which was itself stopped asks before it leaves.
uplink_protocol::due_step uplink_protocol::after_silence() const {
  if (silence_.count() == 0 || (phase_ == phase::streaming && is_acked()))
    return {heard_at_ + keepalives_to_death * keepalive_, step::leave};
  const auto since = std::max(heard_at_, in_flight_);
  if (asked_at_ <= since)
    return {since + silence_ * 2 / 5, step::ping};
  return {asked_at_ + silence_ * 3 / 5, step::leave};
}

void uplink_protocol::tick(time_point now) {
  const auto due = deadline();
  if (!due || now < *due)
    return;
  switch (phase_) {
  case phase::idle:
  case phase::stopped:
    return;
  case phase::waiting:
    return connect(now);
  case phase::connecting:
    nodes_.note_unreachable(now);
    return drop(now, "does not answer");
  case phase::leaving:
    return point_to(now, leaving_for_, "is stopping");
  case phase::greeting:
    if (now >= deadline_)
      return drop(now, "does not welcome this gateway");
    break;
  case phase::streaming:
    // Items are due: the caller asks for them now. Begun here, so that a socket without room is not asked again and again.
    (void)pace_.may_send(now, next_seq_, store_.last_seq());
    samples_.tick(now);
    if (now < std::min(ask_at(), after_silence().at))
      return;
    break;
  }
  if (const auto silent = after_silence(); silent.what == step::leave && now >= silent.at) {
    if (is_unanswered())
      nodes_.note_unreachable(now);
    return drop(now, "is silent");
  }
  asked_at_ = now;
  send(now, proto::ping{static_cast<std::uint64_t>(now.time_since_epoch().count())});
}

} // namespace furrow::edge
