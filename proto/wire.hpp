/// The messages between a gateway and a node as plain values, and their encoding on the wire.
///
/// Shape: on the wire a message is a 32-bit big-endian length and one Protobuf Envelope (furrow.proto).
/// Errors: `decode` names the error; the caller closes the session with that line (Reject MALFORMED or LIMIT). A CAN
///   frame with an invalid header is not an error here: the node puts it in quarantine.
/// Threads: pure functions.
/// Limits: message_bytes_max a message, checked before any allocation. The number of fields is checked before Protobuf
///   parses; the counts below are checked after parsing, before anything is kept.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"
#include "can/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::proto {

inline constexpr std::uint32_t version_min = 1;
inline constexpr std::uint32_t version_max = 3;
/// The first version whose gateways understand a `pace`.
inline constexpr std::uint32_t version_of_pace = 2;
/// From this version on a batch may say that items are gone.
inline constexpr std::uint32_t version_gone = 2;
/// The first version whose nodes understand a `sample`.
inline constexpr std::uint32_t version_of_sample = 3;
inline constexpr std::size_t length_bytes = 4;
inline constexpr std::uint32_t message_bytes_max = 1U << 20U;
/// Largest message before the welcome.
inline constexpr std::uint32_t hello_bytes_max = 32U << 10U;
inline constexpr std::size_t groups_max = 64;
inline constexpr std::size_t records_max = 4'096; // of a message, all its groups together
inline constexpr std::size_t record_body_bytes_max = 64U << 10U;
inline constexpr std::uint64_t gone_items_max = std::uint64_t{1} << 48U; // numbers in a group
inline constexpr std::size_t sample_frames_max = 4'096;                  // of a sample; and headers
inline constexpr std::size_t runs_max = 1'024;
inline constexpr std::size_t buses_max = 256;
inline constexpr std::size_t nodes_max = 64;
inline constexpr std::size_t name_bytes_max = 64; // equipment, bus
inline constexpr std::size_t text_bytes_max = 1'024;
inline constexpr std::size_t sources_max = 16;
inline constexpr std::size_t unreachable_max = 8;
inline constexpr std::size_t digest_bytes_max = 128;

enum class errc : std::uint8_t {
  none = 0,
  length = 1,    // the length prefix exceeds the limit
  malformed = 2, // not Protobuf, or not a known Envelope
  limit = 3,     // a count or a text exceeds its limit
  columns = 4,   // columns of frames that contradict each other
  text = 5,      // a text that is not UTF-8, or empty where it must not be
};
[[nodiscard]] const char* to_string(errc code);
template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;

struct hello {
  std::uint32_t lowest_version = version_min;
  std::uint32_t highest_version = version_max;
  std::string token;
  std::string equipment;
  can::stream_id stream_id{};
  std::optional<std::uint64_t> iso_name;
  std::uint64_t first_seq = 1; // oldest item in the spool; last_seq + 1 when the spool is empty
  std::uint64_t last_seq = 0;
  std::vector<can::run_mark> runs;
  std::vector<can::bus_name> buses;
  std::string software;
  std::vector<can::source_mark> sources;
  std::vector<std::string> unreachable; // addresses of nodes, see node_list
};

struct welcome {
  std::uint32_t version = 0;
  std::int64_t epoch = 0;
  std::uint64_t resume_from = 1;
  std::vector<std::string> nodes;
  std::uint32_t keepalive_ms = 0;
  std::uint32_t silence_ms = 0;
};

struct redirect {
  std::string node;
};

/// Numbers as in furrow.proto.
enum class reject_code : std::uint8_t {
  unspecified = 0,
  version = 1,
  credentials = 2,
  malformed = 3,
  limit = 4,
  superseded = 5,
  forked = 6,
  unavailable = 7,
  gone = 8,
  known = 9,
};
[[nodiscard]] const char* to_string(reject_code code);

struct reject {
  reject_code code = reject_code::unspecified;
  std::string reason;
  std::uint64_t fork_seq = 0;
  std::uint64_t durable_seq = 0; // forked: items of the stream up to here are durable
};

using item_group = std::variant<can::frame_block, std::vector<can::record>, can::gone_items>;
[[nodiscard]] std::size_t item_count(const item_group& group);

/// Items first_seq, first_seq + 1, ... in the order of the groups.
struct batch {
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0; // newest item of the spool, sent or not
  std::vector<can::bus_name> buses;
  std::vector<item_group> items;

  [[nodiscard]] std::uint64_t count() const;
};

/// The newest frames of a machine whose items arrive late, for the live view alone: not stored, not acked, not counted.
struct sample {
  std::uint64_t as_of_seq = 0; // the newest item of the spool: no later item is in the sample
  can::frame_block frames;     // of at most eight bytes, in order of time
};

struct ack {
  std::uint64_t durable_seq = 0;
};
struct rewind {
  std::uint64_t from_seq = 1;
};
struct goaway {
  std::string node;
};
struct ping {
  std::uint64_t nonce = 0;
};
struct pong {
  std::uint64_t nonce = 0;
};
/// From a node: how often the gateway sends what is new.
struct pace {
  std::uint32_t interval_ms = 0; // 0: at once
};

using message = std::
  variant<hello, welcome, redirect, reject, batch, ack, rewind, goaway, ping, pong, pace, sample>;

/// Appends the message with its length prefix to `out`. Fails (limit, text) when the peer could not decode it; `out` is
/// then unchanged.
[[nodiscard]] result<done> encode(const message& message, std::string& out);

/// The length in the first four bytes of a message, or the reason for not reading it.
[[nodiscard]] result<std::uint32_t>
decode_length(std::span<const std::uint8_t, length_bytes> prefix, std::uint32_t bytes_max);

/// One message without its length prefix.
[[nodiscard]] result<message> decode(std::span<const std::uint8_t> bytes);

/// One group of items as the bytes that a spool stores, and back.
[[nodiscard]] std::string encode_items(const item_group& group);
[[nodiscard]] result<item_group> decode_items(std::span<const std::uint8_t> bytes);
/// Whether an encoded group holds records.
[[nodiscard]] bool holds_records(std::string_view encoded);
/// Whether an encoded group says that items are gone.
[[nodiscard]] bool holds_gone(std::string_view encoded);

/// A copy of an encoded group of frames with all times shifted. A load generator thus copies instead of encoding. Other
/// groups, and groups whose times would exceed 64 bits, are copied unchanged.
[[nodiscard]] std::string with_times_moved(const std::string& items, std::int64_t by_us);

/// Appends a batch of groups that `encode_items` made, with its length prefix, to `out`: a spool sends these. Checks
/// sizes only.
[[nodiscard]] result<done> encode_batch(std::uint64_t first_seq,
                                        std::uint64_t last_seq,
                                        std::span<const can::bus_name> buses,
                                        std::span<const std::string_view> items,
                                        std::string& out);

/// Whether text is valid UTF-8 without NUL.
[[nodiscard]] bool is_clean_text(const std::string& text);

} // namespace furrow::proto
