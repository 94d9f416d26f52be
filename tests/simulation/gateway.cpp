#include "tests/simulation/gateway.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;
using edge::uplink_action;

namespace {

constexpr std::size_t queued_max = 64U << 10U;

} // namespace

gateway::gateway(stage& on,
                 std::uint64_t number,
                 std::vector<node*> nodes,
                 gateway_options how,
                 spool_model::ack_check check)
  : at{on.time, "g" + std::to_string(number)}, spool{number, on.truth, on.chance, std::move(check)},
    on_{on}, number_{number}, nodes_{std::move(nodes)}, how_{how} {}

const std::string& gateway::node_name() const {
  return uplink_ ? uplink_->node() : none_;
}

void gateway::start() {
  at.start();
  spool.open();
  edge::uplink_config config;
  config.equipment = machine();
  config.seed = on_.chance.next();
  config.batch_bytes = 4U << 10U;
  for (const auto* one : nodes_)
    config.nodes.push_back(one->at.name());
  uplink_.emplace(std::move(config), spool);
  armed_.reset();
  line_.reset();
  uplink_->start(on_.time.now());
  act();
  produce();
}

std::string gateway::described() const {
  auto out = at.name()
             + (at.frozen()  ? ", frozen"
                : at.alive() ? ""
                             : ", dead")
             + ", " + std::to_string(spool.acked_seq()) + " of " + std::to_string(spool.last_seq())
             + " durable";
  if (!uplink_)
    return out;
  out += (uplink_->streaming() ? ", streams to " : ", not at ") + uplink_->node();
  if (const auto due = uplink_->deadline())
    out += ", due in "
           + std::to_string(std::chrono::duration_cast<milliseconds>(*due - on_.time.now()).count())
           + " ms" + (armed_ ? "" : ", no timer");
  return out + (line_ && line_->open() ? ", connected" : ", not connected");
}

void gateway::kill(bool unplug) {
  at.kill(unplug);
  on_.net.killed(at);
  ++attempts_;
  line_.reset();
  uplink_.reset();
}

void gateway::produce() {
  if (!producing_)
    return;
  const auto count = 1 + static_cast<std::uint32_t>(on_.chance.below(how_.items));
  at.in(on_.chance.between(1ms, 20ms), [this, count] { numbered(count); }); // the disk
  at.in(on_.chance.between(how_.pace / 2, how_.pace * 3 / 2), [this] { produce(); });
}

void gateway::numbered(std::uint32_t count) {
  spool.number(count, on_.chance.chance(0.1));
  spool.flushed();
  if (on_.chance.chance(0.02))
    spool.copy_disk();
  fill();
  act();
}

void gateway::act() {
  for (auto actions = uplink_->take_actions(); !actions.empty();
       actions = uplink_->take_actions()) {
    for (auto& action : actions) {
      if (const auto* to = std::get_if<uplink_action::connect>(&action)) {
        connect(to->node);
      } else if (const auto* what = std::get_if<uplink_action::send>(&action)) {
        send(what->bytes);
      } else if (std::holds_alternative<uplink_action::close>(action)) {
        ++attempts_;
        if (line_)
          line_->close();
        line_.reset();
      } else if (const auto* stop = std::get_if<uplink_action::stop>(&action)) {
        stopped(stop->why);
      } else if (on_.trace) {
        on_.trace(at.name() + ": " + std::get<uplink_action::note>(action).text);
      }
    }
  }
  arm();
}

/// A person would have to act: nothing that is simulated is a reason for that.
void gateway::stopped(const edge::failure& why) {
  on_.truth.broken("alive", at.name() + " gave up: " + why.detail);
}

void gateway::connect(const std::string& to) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const node* one) { return one->at.name() == to; });
  peer_ = *found;
  session_ = std::make_shared<std::uint64_t>(0);
  const auto attempt = ++attempts_;
  const auto to_me = [this, attempt](const std::string& bytes) { heard(attempt, bytes); };
  const auto accepted = [peer = peer_, session = session_, to_me](const socket_ptr& line) {
    *session = peer->accept(line, to_me);
  };
  const auto opened = [this, attempt] {
    if (attempt != attempts_)
      return;
    uplink_->connected(on_.time.now());
    act();
  };
  const auto closed = [this, attempt] {
    if (attempt != attempts_)
      return;
    line_.reset();
    uplink_->disconnected(on_.time.now(), "connection lost");
    act();
  };
  line_ = on_.net.connect(at, peer_->at, accepted, {opened, closed});
}

void gateway::heard(std::uint64_t attempt, const std::string& bytes) {
  if (attempt != attempts_)
    return;
  const auto* body = reinterpret_cast<const std::uint8_t*>(bytes.data()) + proto::length_bytes;
  const auto message = proto::decode({body, bytes.size() - proto::length_bytes});
  if (!message)
    return on_.truth.broken("wire", "a gateway cannot read: " + message.error().detail);
  uplink_->received(on_.time.now(), *message);
  fill();
  act();
}

void gateway::send(const std::string& bytes) {
  if (line_)
    line_->send(bytes.size(),
                [peer = peer_, session = session_, bytes] { peer->heard(*session, bytes); });
}

void gateway::fill() {
  while (line_ && line_->open() && line_->queued() < queued_max) {
    const auto batch = uplink_->next_batch(on_.time.now());
    if (!batch)
      break;
    send(*batch);
  }
}

void gateway::arm() {
  const auto due = uplink_->deadline();
  if (!due || (armed_ && *armed_ <= *due))
    return;
  armed_ = due;
  const auto wait = std::max(clock::duration{}, *due - on_.time.now());
  at.in(wait, [this, at_time = *due] {
    if (!armed_ || *armed_ != at_time)
      return;
    armed_.reset();
    uplink_->tick(on_.time.now());
    fill(); // what waited for its time
    act();
  });
}

} // namespace furrow::simulation
