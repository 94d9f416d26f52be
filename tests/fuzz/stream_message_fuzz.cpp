/// Any bytes as a message of a client of the live stream, and as the query of its request: a subscription within its
/// limits, or a mistake with a status.
#include "tests/fuzz/fuzz_target.hpp"
#include "tools/furrowd/http/target.hpp"
#include "tools/furrowd/stream/subscription.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

void check_patterns(const std::vector<std::string>& patterns) {
  hold(patterns.size() <= subscription::patterns_max);
  for (const auto& one : patterns)
    hold(!one.empty() && one.size() <= subscription::pattern_bytes_max);
}

void check_wish(const subscription& wanted, const furrow::daemon::credential& who) {
  hold(wanted.farm == who.farm && wanted.scope == who.equipment);
  check_patterns(wanted.machines);
  check_patterns(wanted.signals);
  hold(wanted.max_hz >= subscription::hz_min && wanted.max_hz <= subscription::hz_max);
  if (wanted.frames)
    hold(wanted.frames->pgns.size() + wanted.frames->ids.size() <= subscription::frame_ids_max);
  hold(!wanted.covers("T9")); // the token does not either
  (void)wanted.wants_signal("EEC1.engine_speed");
  hold(wanted.interval_for(10).count() >= 0);
  hold(wanted.key() == wanted.key());
}

void check_query(std::string_view text, const furrow::daemon::credential& who) {
  const auto target = parse_target("/?" + std::string{text});
  if (!target)
    return;
  const auto read = to_subscription(target->query, who);
  if (const auto* wrong = std::get_if<problem>(&read))
    hold(wrong->status == 400 && !wrong->message.empty());
  else
    check_wish(std::get<subscription>(read), who);
}

} // namespace

FUZZ_TARGET(stream_message) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (size > subscription::message_bytes_max)
    return 0; // the WebSocket is closed then
  furrow::daemon::credential who{"north", furrow::daemon::role::viewer, {"T1", "T2"}};
  check_query(text, who);
  const auto read = to_client_message(text, who);
  if (const auto* mistake = std::get_if<client_mistake>(&read)) {
    hold(mistake->why.status >= 400 && mistake->why.status < 500 && !mistake->why.message.empty());
    hold(nlohmann::json::accept(mistake->id));
    return 0;
  }
  const auto& message = std::get<client_message>(read);
  hold(nlohmann::json::accept(message.id));
  check_wish(message.wanted, who);
  return 0;
}

} // namespace furrow::http
