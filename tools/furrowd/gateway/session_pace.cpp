// How often a gateway sends: the session follows who watches its machine.
#include "actors/live/live_machines.hpp"
#include "tools/furrowd/gateway/session.hpp"

#include <memory>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

void gateway_session::listen_to_interest() {
  if (interest_ != nullptr || version_ < proto::version_of_pace || closed_ || closing_)
    return;
  interest_ = context_->machines.interest_in(farm_, equipment_);
  on_interest_ = std::make_shared<actors::machine_interest::listener>(
    [weak = weak_from_this(), executor = executor_] {
      boost::asio::post(executor, [weak] {
        if (const auto alive = weak.lock())
          alive->look_at_pace();
      });
    });
  interest_->listen(on_interest_);
  look_at_pace();
}

void gateway_session::look_at_pace() {
  if (interest_ == nullptr || closed_ || closing_)
    return;
  const auto wanted = interest_->interval(clock::now());
  if (pace_told_ == wanted)
    return;
  pace_told_ = wanted;
  pace_due_ = true;
  write_on();
}

std::string gateway_session::take_merged() {
  std::string bytes;
  if (std::exchange(pace_due_, false) && !closing_) // numbers: neither can fail
    (void)proto::encode(proto::pace{static_cast<std::uint32_t>(pace_told_->count())}, bytes);
  else if (const auto ack = std::exchange(ack_due_, std::nullopt))
    (void)proto::encode(proto::ack{*ack}, bytes);
  return bytes;
}

} // namespace furrow::daemon
