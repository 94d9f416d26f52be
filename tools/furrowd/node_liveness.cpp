#include "tools/furrowd/node_liveness.hpp"

#include "actors/live/node_meter.hpp"

#include <fmt/format.h>

#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

std::string standing::text(const actors::node_stats& now, time_point at) {
  const auto passed = std::chrono::duration<double>(at - std::exchange(at_, at)).count();
  const auto gained = now.frames_durable - std::exchange(frames_, now.frames_durable);
  auto text = fmt::format("serving {} gateways, storing {:.0f} frames/s", now.sessions,
                          passed > 0 ? static_cast<double>(gained) / passed : 0.0);
  if (now.stalled_s > 0)
    text += fmt::format(", nothing stored for {} s", now.stalled_s);
  if (!now.store_up)
    text += ", the database does not answer";
  return text;
}

node_liveness::node_liveness(executors& threads)
  : threads_{threads}, reports_{threads.gateways, [this] { return status(); }} {}

void node_liveness::watch(actors::node& node, bool has_peers) {
  node_ = &node;
  reports_.pass([this](const auto& back) { node_->pulse(back); });
  reports_.pass([this](auto back) { asio::post(threads_.people, std::move(back)); });
  if (has_peers)
    reports_.pass([this](auto back) { asio::post(threads_.peers, std::move(back)); });
}

void node_liveness::serves() {
  state_ = state::serving;
  reports_.ready();
}

void node_liveness::stopping(std::chrono::seconds longest) {
  state_ = state::draining;
  reports_.stopping(longest);
}

std::string node_liveness::status() {
  switch (state_) {
  case state::starting:
    return "starting";
  case state::waiting:
    return "waiting for the database";
  case state::serving:
    return standing_.text(node_->parts().meter.stats(), std::chrono::steady_clock::now());
  case state::draining:
    return "draining: making received items durable";
  }
  return {};
}

} // namespace furrow::daemon
