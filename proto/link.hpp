/// The messages between two nodes as plain values, and their encoding on the wire.
///
/// Shape: on the wire a message is a 32-bit big-endian length and one Protobuf Envelope (link.proto). The node that dials
///   asks; the node that accepted answers. Long lists come in pages, which the asking side asks for one after the other.
/// Errors: `decode` names the error; the caller closes the link with that line.
/// Threads: pure functions.
/// Limits: message_bytes_max a message and hello_bytes_max before the welcome, checked before any allocation. The number
///   of fields is checked before Protobuf parses; the counts below are checked before anything is kept.
#pragma once

#include "proto/wire.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::proto::link {

inline constexpr std::uint32_t version_min = 1;
inline constexpr std::uint32_t version_max = 1;
inline constexpr std::uint32_t hello_bytes_max = 4U << 10U;
inline constexpr std::size_t actors_page = 1'000;      // rows in an answer
inline constexpr std::size_t machines_page = 500;      // rows in an answer
inline constexpr std::size_t values_max = 128;         // of a machine
inline constexpr std::size_t faults_max = 64;          // of a machine
inline constexpr std::size_t equipment_max = 1'000;    // machines that a scope names
inline constexpr std::size_t watched_max = 1'000;      // watched machines in an ask
inline constexpr std::size_t row_text_bytes_max = 512; // cut, not refused

struct hello {
  std::uint32_t lowest_version = version_min;
  std::uint32_t highest_version = version_max;
  std::string node;
  std::string incarnation;
  std::string whom;
  std::string whom_incarnation; // empty: any
  std::string build;
};

struct welcome {
  std::uint32_t version = version_max;
  std::string node;
  std::string incarnation;
  std::string build;
};

struct refuse {
  std::string reason;
};

/// On whose behalf a node asks: the rights of a token, as the asking node has checked them.
struct scope {
  std::string farm;
  std::vector<std::string> equipment; // empty: all machines of the farm
  bool watch = false;                 // sees what befell actors that all farms share
  bool govern = false;                // may end actors that all farms share

  [[nodiscard]] bool covers(std::string_view name) const;
};

struct actors_wish {
  std::uint64_t after = 0; // the page after this number
};
struct end_wish {
  std::uint64_t actor = 0;
  bool restart = false; // by its supervisor, at once and without an entry in its account
};
/// A machine that people watch at the asking node.
struct watched_machine {
  std::string equipment;
  std::uint32_t interval_ms = 0; // how often its gateway shall send
};
struct machines_wish {
  std::string after = {}; // the page after this name
  std::vector<watched_machine> watched = {};
  bool faults = false; // the machines' faults too, as far as they are known
};
struct report_wish {
  std::string equipment;
};
/// Does the database answer the node? Needs no scope.
struct lease_wish {};

struct wish {
  scope who;
  std::variant<actors_wish, end_wish, machines_wish, report_wish, lease_wish> what;
};

struct ask {
  std::uint64_t id = 0;
  link::wish wish;
};

struct actor_row {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string name;
  std::string kind;
  std::string state;
  std::uint32_t restarts = 0;
  std::string detail;
  std::uint64_t waiting = 0;
  std::uint64_t oldest_us = 0;
  std::uint64_t handled = 0;
  std::uint64_t busy_us = 0;
};

struct machine_value {
  std::string key; // of can/live/quantity_table.hpp, or a part of one: "position.latitude_deg"
  double value = 0;
  std::int64_t time_us = 0;
  std::uint32_t pgn = 0;
  std::uint8_t source = 0;
  std::uint8_t bus = 0;
};

/// A fault that a control unit reports, with the numbers of J1939-73.
struct machine_fault {
  std::uint8_t bus = 0;
  std::uint8_t source = 0;
  bool previous = false;  // of DM2
  std::uint32_t spn = 0;  // 19 bits
  std::uint8_t fmi = 0;   // 5 bits
  std::uint8_t count = 0; // of occurrences; 127: the control unit does not count
  bool conversion_method = false;
  std::uint16_t lamps =
    0; // protect, amber, red, malfunction from the lowest bits: two bits state, two bits flash each
  std::int64_t since_us = 0;
  std::int64_t last_us = 0;
};

struct machine_row {
  std::string equipment;
  bool connected = false;
  std::string peer;
  std::int64_t epoch = 0; // of the newest claim
  std::uint64_t received_seq = 0;
  std::uint64_t durable_seq = 0;
  std::uint64_t sent_seq = 0;
  std::uint64_t frames = 0;
  std::uint64_t frames_ahead = 0;
  bool adrift = false;
  bool relayed = false;
  std::uint32_t ecus = 0;
  std::uint32_t faults_active = 0;
  std::int64_t last_frame_us = 0;
  std::vector<machine_value> values;
  std::optional<std::vector<machine_fault>> faults = {}; // absent: not asked for, or not known
};

struct actors_page_answer {
  std::vector<actor_row> rows; // by id
  bool more = false;
};
struct ended_answer {
  enum class kind : std::uint8_t { no_such_actor = 0, done = 1, not_permitted = 2 } outcome{};
  std::string name;
};
struct machines_page_answer {
  std::vector<machine_row> rows; // by name
  bool more = false;
};
struct report_answer {
  bool known = false;
  std::string json; // faults, ECUs and implements as HTTP shows them
};
struct lease_age_answer {
  /// Since the beat by which the database renewed the node's lease last; absent: it takes no machines, or its lease is new.
  std::optional<std::uint32_t> age_ms;
};
struct failed_answer {
  std::string reason;
};

using reply = std::variant<actors_page_answer,
                           ended_answer,
                           machines_page_answer,
                           report_answer,
                           lease_age_answer,
                           failed_answer>;

struct answer {
  std::uint64_t id = 0;
  link::reply reply;
};

using message = std::variant<hello, welcome, ask, answer, ping, pong, refuse>;

/// Appends the message with its length prefix to `out`. Fails (limit, text) when the peer could not decode it; `out` is
/// then unchanged.
[[nodiscard]] result<done> encode(const message& message, std::string& out);

/// One message without its length prefix.
[[nodiscard]] result<message> decode(std::span<const std::uint8_t> bytes);

/// The text without what a message could not carry: cut at `row_text_bytes_max`, and `?` for each byte that is no UTF-8.
[[nodiscard]] std::string fit(std::string_view text);

} // namespace furrow::proto::link
