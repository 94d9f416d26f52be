#include "tools/furrowd/stream/subscription.hpp"

#include "tools/furrowd/stream/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using wish_json = nlohmann::json;

constexpr std::size_t message_id_bytes_max = 64;

problem bad_wish(std::string_view field, std::string hint) {
  return {400, "bad_parameter", fmt::format("invalid value of \"{}\"", field), std::move(hint)};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end > 0)
      parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// Fills a subscription; keeps the first fault.
class subscription_reader {
public:
  explicit subscription_reader(const daemon::credential& who) {
    made_.farm = who.farm;
    made_.scope = who.equipment;
  }

  void patterns(const char* field, std::vector<std::string> given, std::vector<std::string>& to) {
    const bool fits = given.size() <= subscription::patterns_max
                      && std::all_of(given.begin(), given.end(), [](const auto& one) {
                           return !one.empty() && one.size() <= subscription::pattern_bytes_max;
                         });
    if (!fits)
      fail(
        bad_wish(field, fmt::format("use at most {} patterns of 1 to {} bytes",
                                    subscription::patterns_max, subscription::pattern_bytes_max)));
    to = std::move(given);
  }
  void machines(std::vector<std::string> given) {
    patterns("machines", std::move(given), made_.machines);
  }
  void signals(std::vector<std::string> given) {
    patterns("signals", std::move(given), made_.signals);
  }
  void area(const std::vector<std::optional<double>>& corners) {
    const bool given = corners.size() == 4
                       && std::all_of(corners.begin(), corners.end(),
                                      [](const auto& one) { return one.has_value(); });
    if (!given || *corners[0] < -180 || *corners[2] > 180 || *corners[1] < -90 || *corners[3] > 90
        || *corners[0] > *corners[2] || *corners[1] > *corners[3])
      fail(bad_wish("area", "write west,south,east,north in degrees, west not above east"));
    else
      made_.box = storage::geo_box{*corners[0], *corners[1], *corners[2], *corners[3]};
  }
  void field(std::string name) {
    if (name.empty() || name.size() > subscription::pattern_bytes_max)
      fail(bad_wish("field", "write the name of a field; `furrow field list` names them"));
    made_.field = std::move(name);
  }
  void max_hz(std::optional<double> rate) {
    if (!rate || *rate < subscription::hz_min || *rate > subscription::hz_max)
      fail(bad_wish("max_hz",
                    fmt::format("use {} to {}", subscription::hz_min, subscription::hz_max)));
    else
      take_rate(*rate);
  }
  void brief(std::optional<bool> wanted) {
    if (!wanted)
      fail(bad_wish("brief", "write true or false"));
    else
      made_.brief = *wanted;
  }
  void resume(std::string id) {
    if (id.size() > subscription::pattern_bytes_max)
      fail(bad_wish("resume", "write the id of the last message"));
    made_.resume = std::move(id);
  }
  void all_frames() { frames(); }
  void pgn(std::string_view text) {
    const auto number = parse_pgn(text);
    if (!number)
      fail(bad_wish("frames", "write a PGN as 65265 or 0xFEF1"));
    else
      frames().pgns.push_back(*number);
    limit_frames();
  }
  void can_id(std::string_view text) {
    const auto id = parse_can_id(text);
    if (!id)
      fail(bad_wish("frames", "write an identifier in hex: 18FEF100 has 29 bits, 123 has 11"));
    else
      frames().ids.push_back(*id);
    limit_frames();
  }
  void fail(problem why) {
    if (!fault_)
      fault_ = std::move(why);
  }

  [[nodiscard]] std::variant<subscription, problem> take() {
    if (!made_.field.empty() && made_.box)
      fail(bad_wish("field", "give either area or field"));
    if (fault_)
      return std::move(*fault_);
    return std::move(made_);
  }

private:
  void take_rate(double rate) {
    made_.max_hz = rate;
    made_.names_hz = true;
  }
  frames_wish& frames() {
    if (!made_.frames)
      made_.frames.emplace();
    return *made_.frames;
  }
  void limit_frames() {
    if (made_.frames
        && made_.frames->pgns.size() + made_.frames->ids.size() > subscription::frame_ids_max)
      fail(bad_wish(
        "frames", fmt::format("use at most {} PGNs and identifiers", subscription::frame_ids_max)));
  }

  subscription made_;
  std::optional<problem> fault_;
};

/// frames=all, or a list of pgn:65226 and id:18FEF100.
void read_frames_text(subscription_reader& to, std::string_view text) {
  for (const auto& part : split_list(text))
    if (part == "all")
      to.all_frames();
    else if (part.starts_with("pgn:"))
      to.pgn(std::string_view{part}.substr(4));
    else if (part.starts_with("id:"))
      to.can_id(std::string_view{part}.substr(3));
    else
      to.fail(bad_wish("frames", "write all, or a list of pgn:65226 and id:18FEF100"));
}

std::optional<std::vector<std::string>> to_texts(const wish_json& list) {
  if (!list.is_array())
    return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& one : list) {
    if (!one.is_string())
      return std::nullopt;
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

void read_frames_json(subscription_reader& to, const wish_json& wanted) {
  constexpr const char* hint = R"(write {"pgn":[65226],"id":["18FEF100"]} or {"all":true})";
  if (!wanted.is_object() || wanted.empty())
    return to.fail(bad_wish("frames", hint));
  for (const auto& [name, value] : wanted.items()) {
    if (name == "all" && value == true) {
      to.all_frames();
    } else if ((name == "pgn" || name == "id") && value.is_array()) {
      for (const auto& one : value)
        if (name == "pgn" && one.is_number_unsigned())
          to.pgn(std::to_string(one.get<std::uint64_t>()));
        else if (one.is_string())
          name == "pgn" ? to.pgn(one.get<std::string>()) : to.can_id(one.get<std::string>());
        else
          to.fail(bad_wish("frames", hint));
    } else {
      to.fail(bad_wish("frames", hint));
    }
  }
}

void read_wish(subscription_reader& to, const wish_json& wanted) {
  if (!wanted.is_object())
    return to.fail(bad_wish("subscribe", "write an object"));
  for (const auto& [name, value] : wanted.items()) {
    if (name == "machines" || name == "signals") {
      auto texts = to_texts(value);
      if (!texts)
        to.fail(bad_wish(name, "write a list of patterns"));
      else if (name == "machines")
        to.machines(std::move(*texts));
      else
        to.signals(std::move(*texts));
    } else if (name == "area") {
      std::vector<std::optional<double>> corners;
      for (const auto& one : value.is_array() && value.size() == 4 ? value : wish_json::array())
        corners.push_back(one.is_number() ? std::optional{one.get<double>()} : std::nullopt);
      to.area(corners);
    } else if (name == "field") {
      to.field(value.is_string() ? value.get<std::string>() : std::string{});
    } else if (name == "max_hz") {
      to.max_hz(value.is_number() ? std::optional{value.get<double>()} : std::nullopt);
    } else if (name == "brief") {
      to.brief(value.is_boolean() ? std::optional{value.get<bool>()} : std::nullopt);
    } else if (name == "frames") {
      read_frames_json(to, value);
    } else if (name == "resume" && value.is_string()) {
      to.resume(value.get<std::string>());
    } else {
      to.fail({400, "unknown_parameter", "the subscription has an unknown field",
               "its fields are: machines, signals, area, field, max_hz, brief, frames, resume"});
    }
  }
}

} // namespace

bool frames_wish::takes(can::frame_header header) const {
  if (pgns.empty() && ids.empty())
    return true;
  for (const auto pgn : pgns)
    if (frames_filter{{}, pgn}.takes(header))
      return true;
  return std::any_of(ids.begin(), ids.end(), [&](const auto& id) {
    return frames_filter{id, {}}.takes(header);
  });
}

bool subscription::covers(std::string_view machine) const {
  return (scope.empty() || std::find(scope.begin(), scope.end(), machine) != scope.end())
         && (machines.empty() || any_matches(machines, machine));
}

bool subscription::wants_signal(std::string_view name) const {
  return signals.empty() || any_matches(signals, name);
}

bool subscription::wants_own_signals() const {
  return std::any_of(signals.begin(), signals.end(), [](const auto& one) {
    return one == "*" || one.find('.') != std::string::npos;
  });
}

bool subscription::holds(const storage::geo_position& at) const {
  return (!box || box->holds(at)) && (boundary == nullptr || storage::contains(*boundary, at));
}

/// What a gateway gathers makes a value older, so it gathers a quarter of the time between two deltas. A client that sees
/// many machines makes their gateways send `messages_second` times a second, all together; a list of a thousand machines
/// is no reason to hurry any of them.
std::chrono::milliseconds subscription::interval_for(std::size_t machines_seen) const {
  constexpr double part = 4;
  constexpr double messages_second = 1'000;
  const auto for_rate = names_hz ? 1'000 / max_hz / part : 0;
  const auto for_crowd = 1'000 * static_cast<double>(machines_seen) / messages_second;
  return std::chrono::milliseconds{std::lround(std::max(for_rate, for_crowd))};
}

std::string subscription::key() const {
  // As JSON, so that no value can look like two.
  wish_json all{farm, scope, machines, signals, field, max_hz, names_hz, brief};
  all.push_back(box ? wish_json{box->west_deg, box->south_deg, box->east_deg, box->north_deg}
                    : wish_json{});
  all.push_back(nullptr);
  if (frames) {
    auto& wanted = all.back();
    wanted = wish_json{frames->pgns, wish_json::array()};
    for (const auto& id : frames->ids)
      wanted.back().push_back(id.extended ? std::int64_t{id.id} : -1 - std::int64_t{id.id});
  }
  return all.dump(-1, ' ', false, wish_json::error_handler_t::replace);
}

const std::vector<std::string>& subscription_parameters() {
  static const std::vector<std::string> names{"machines", "signals", "area",   "field",
                                              "max_hz",   "brief",   "frames", "resume"};
  return names;
}

std::variant<subscription, problem>
to_subscription(const std::map<std::string, std::string, std::less<>>& query,
                const daemon::credential& who) {
  subscription_reader to{who};
  for (const auto& [name, value] : query) {
    if (name == "machines") {
      to.machines(split_list(value));
    } else if (name == "signals") {
      to.signals(split_list(value));
    } else if (name == "area") {
      std::vector<std::optional<double>> corners;
      for (const auto& one : split_list(value))
        corners.push_back(to_number(one));
      to.area(corners);
    } else if (name == "field") {
      to.field(value);
    } else if (name == "max_hz") {
      to.max_hz(to_number(value));
    } else if (name == "brief") {
      to.brief(value == "true"    ? std::optional{true}
               : value == "false" ? std::optional{false}
                                  : std::nullopt);
    } else if (name == "frames") {
      read_frames_text(to, value);
    } else if (name == "resume") {
      to.resume(value);
    }
  }
  return to.take();
}

std::variant<client_message, client_mistake> to_client_message(std::string_view text,
                                                               const daemon::credential& who) {
  client_mistake wrong{"null",
                       {400, "bad_message", "this is not a message of the live stream",
                        R"(write {"id":1,"subscribe":{"machines":["T*"]}})"}};
  if (text.size() > subscription::message_bytes_max)
    return wrong;
  const auto parsed = wish_json::parse(text, nullptr, false);
  if (!parsed.is_object())
    return wrong;
  for (const auto& [name, value] : parsed.items()) {
    if (name == "id" && (value.is_number_integer() || value.is_string())
        && value.dump().size() <= message_id_bytes_max)
      wrong.id = value.dump();
    else if (name != "subscribe")
      return wrong;
  }
  const auto wanted = parsed.find("subscribe");
  if (wanted == parsed.end())
    return wrong;
  subscription_reader to{who};
  read_wish(to, *wanted);
  auto read = to.take();
  if (auto* why = std::get_if<problem>(&read)) {
    wrong.why = std::move(*why);
    return wrong;
  }
  return client_message{wrong.id, std::get<subscription>(std::move(read))};
}

} // namespace furrow::http
