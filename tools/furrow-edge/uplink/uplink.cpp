#include "tools/furrow-edge/uplink/uplink.hpp"

#include <utility>

namespace furrow::edge {

namespace {

uplink_protocol::time_point now() {
  return std::chrono::steady_clock::now();
}

} // namespace

uplink::uplink(
  boost::asio::io_context& io, uplink_config config, item_store& store, tls_context tls, events on)
  : io_{io}, protocol_{std::move(config), store}, tls_{std::move(tls)}, on_{std::move(on)}, timer_{
                                                                                              io} {}

uplink::~uplink() {
  close();
}

void uplink::start() {
  protocol_.start(now());
  act();
}

void uplink::items_added() {
  fill();
  act();
}

void uplink::cut() {
  if (connection_ == nullptr)
    return;
  connection_->close();
  connection_.reset();
  protocol_.disconnected(now(), "cut");
  act();
}

void uplink::close() {
  closed_ = true;
  *alive_ = false;
  timer_.cancel();
  if (connection_ != nullptr)
    connection_->close();
  connection_.reset();
}

void uplink::use(tls_context tls, std::string token) {
  tls_ = std::move(tls);
  protocol_.use_token(std::move(token));
}

void uplink::act(uplink_action::connect& what) {
  const auto node = parse_endpoint(what.node);
  if (!node) {
    protocol_.disconnected(now(), node.error().detail);
    return;
  }
  connection::events on;
  on.opened = [this] {
    protocol_.connected(now());
    act();
  };
  on.received = [this](const proto::message& message) {
    protocol_.received(now(), message);
    if (on_.heard)
      on_.heard();
    fill();
    act();
  };
  on.garbage = [this](const std::string& why) {
    protocol_.received_garbage(now(), why);
    act();
  };
  on.drained = [this] {
    fill();
    act();
  };
  on.closed = [this](const std::string& why) {
    connection_.reset();
    protocol_.disconnected(now(), why);
    act();
  };
  connection_ = connection::open(io_, *node, tls_, std::move(on));
}

/// Carries out everything that was decided, and everything that follows from it.
void uplink::act() {
  const auto alive = alive_;
  for (auto actions = protocol_.take_actions(); !actions.empty() && *alive;
       actions = protocol_.take_actions()) {
    for (auto& action : actions) {
      if (auto* connect = std::get_if<uplink_action::connect>(&action)) {
        act(*connect);
      } else if (auto* send = std::get_if<uplink_action::send>(&action)) {
        if (connection_ != nullptr)
          connection_->send(std::move(send->bytes));
      } else if (std::holds_alternative<uplink_action::close>(action)) {
        if (connection_ != nullptr)
          connection_->close();
        connection_.reset();
      } else if (const auto* note = std::get_if<uplink_action::note>(&action)) {
        if (on_.note)
          on_.note(*note);
      } else if (const auto* stop = std::get_if<uplink_action::stop>(&action)) {
        if (on_.stopped)
          on_.stopped(stop->why);
      }
      if (!*alive)
        return;
    }
  }
  if (*alive)
    schedule();
}

void uplink::fill() {
  if (std::exchange(filling_, true))
    return;
  while (connection_ != nullptr && connection_->queued() < queued_bytes_max) {
    auto batch = protocol_.next_batch(now());
    if (!batch)
      break;
    if (on_.before_sending)
      on_.before_sending(*batch);
    connection_->send(std::move(*batch));
  }
  filling_ = false;
}

void uplink::schedule() {
  const auto due = protocol_.deadline();
  if (!due || closed_) {
    timer_.cancel();
    timer_at_.reset();
    return;
  }
  // A timer that fires early checks again; only an earlier deadline needs a new timer.
  if (timer_at_ && *timer_at_ <= *due)
    return;
  timer_at_ = due;
  timer_.expires_at(*due);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (error || !*alive)
      return;
    timer_at_.reset();
    protocol_.tick(now());
    fill(); // what waited for its time
    act();
  });
}

} // namespace furrow::edge
