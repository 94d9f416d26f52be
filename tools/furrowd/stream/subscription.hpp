/// What a client of the live stream wants to see: read from the query of its request, or from a message.
///
/// Shape: the farm and the machines that the token covers come from the credential, everything else from the client.
///   Clients with equal keys get the same texts.
/// Errors: a problem that names the field.
/// Threads: a plain value.
/// Limits: patterns_max patterns of pattern_bytes_max bytes in a list, frame_ids_max identifiers and PGNs;
///   message_bytes_max bytes of a message.
#pragma once

#include "storage/farm/field_boundary.hpp"
#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/api/bodies/frames_body.hpp"
#include "tools/furrowd/http/message.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::http {

struct frames_wish {
  std::vector<std::uint32_t> pgns;
  std::vector<frames_filter::identifier> ids; // both empty: every frame

  [[nodiscard]] bool takes(can::frame_header header) const;
};

struct subscription {
  static constexpr std::size_t patterns_max = 64;
  static constexpr std::size_t pattern_bytes_max = 128;
  static constexpr std::size_t frame_ids_max = 64;
  static constexpr std::size_t message_bytes_max = 16U << 10U;
  static constexpr double hz_min = 0.1;
  static constexpr double hz_max = 500;
  static constexpr double hz_default = 5;

  std::string farm;
  std::vector<std::string> scope;    // the machines of the token; empty: every machine of the farm
  std::vector<std::string> machines; // patterns; empty: all
  std::vector<std::string> signals;  // patterns; empty: all of the live view
  std::optional<storage::geo_box> box;
  std::string field; // its name; `boundary` is set before the subscription is used
  std::shared_ptr<const storage::boundary> boundary;
  std::optional<frames_wish> frames;
  double max_hz = hz_default;
  bool names_hz = false; // the client gave max_hz
  bool brief = false;    // bare values, one time for all of them, faults as a number
  std::string resume;    // id of the last message that the client has; empty: it wants a snapshot

  [[nodiscard]] bool covers(std::string_view machine) const;
  [[nodiscard]] bool wants_signal(std::string_view name) const;
  /// A pattern with a dot may name a signal of people's own DBC files.
  [[nodiscard]] bool wants_own_signals() const;
  [[nodiscard]] bool has_area() const { return box.has_value() || boundary != nullptr; }
  [[nodiscard]] bool holds(const storage::geo_position& at) const;
  /// How often the gateway of each of so many machines shall send, so that the client sees them fresh.
  [[nodiscard]] std::chrono::milliseconds interval_for(std::size_t machines_seen) const;
  /// Equal for subscriptions that see the same.
  [[nodiscard]] std::string key() const;
};

/// The names of the query's parameters, for the route.
[[nodiscard]] const std::vector<std::string>& subscription_parameters();

[[nodiscard]] std::variant<subscription, problem>
to_subscription(const std::map<std::string, std::string, std::less<>>& query,
                const daemon::credential& who);

/// A message of a client: {"id": 1, "subscribe": {...}}.
struct client_message {
  std::string id = "null"; // as JSON; the answer repeats it
  subscription wanted;
};
/// The reason, and the id where it could be read.
struct client_mistake {
  std::string id = "null";
  problem why;
};
[[nodiscard]] std::variant<client_message, client_mistake>
to_client_message(std::string_view text, const daemon::credential& who);

} // namespace furrow::http
