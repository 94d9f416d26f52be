/// Any bytes as a message of a client of the live stream, and as the query of its request: a subscription within its
/// limits, or a mistake with a status.
#include "tools/furrowd/http/target.hpp"
#include "tools/furrowd/stream/subscription.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace {

using namespace furrow::http;

void need(bool holds) {
  if (!holds)
    std::abort();
}

void check_patterns(const std::vector<std::string>& patterns) {
  need(patterns.size() <= subscription::patterns_max);
  for (const auto& one : patterns)
    need(!one.empty() && one.size() <= subscription::pattern_bytes_max);
}

void check_wish(const subscription& wanted, const furrow::daemon::credential& who) {
  need(wanted.farm == who.farm && wanted.scope == who.equipment);
  check_patterns(wanted.machines);
  check_patterns(wanted.signals);
  need(wanted.max_hz >= subscription::hz_min && wanted.max_hz <= subscription::hz_max);
  if (wanted.frames)
    need(wanted.frames->pgns.size() + wanted.frames->ids.size() <= subscription::frame_ids_max);
  need(!wanted.covers("T9")); // the token does not either
  (void)wanted.wants_signal("EEC1.engine_speed");
  need(wanted.interval_for(10).count() >= 0);
  need(wanted.key() == wanted.key());
}

void check_query(std::string_view text, const furrow::daemon::credential& who) {
  const auto target = parse_target("/?" + std::string{text});
  if (!target)
    return;
  const auto read = to_subscription(target->query, who);
  if (const auto* wrong = std::get_if<problem>(&read))
    need(wrong->status == 400 && !wrong->message.empty());
  else
    check_wish(std::get<subscription>(read), who);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (size > subscription::message_bytes_max)
    return 0; // the WebSocket is closed then
  furrow::daemon::credential who{"north", furrow::daemon::role::viewer, {"T1", "T2"}};
  check_query(text, who);
  const auto read = to_client_message(text, who);
  if (const auto* mistake = std::get_if<client_mistake>(&read)) {
    need(mistake->why.status >= 400 && mistake->why.status < 500 && !mistake->why.message.empty());
    need(nlohmann::json::accept(mistake->id));
    return 0;
  }
  const auto& message = std::get<client_message>(read);
  need(nlohmann::json::accept(message.id));
  check_wish(message.wanted, who);
  return 0;
}
