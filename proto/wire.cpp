// Shape: for each message one `check` with the rules of both directions, one `fill` and one `read` that translate.
#include "proto/wire.hpp"

#include "proto/fields.hpp"
#include "proto/items.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <limits>
#include <string_view>

namespace furrow::proto {

namespace {

constexpr std::uint64_t seq_max =
  std::numeric_limits<std::int64_t>::max(); // the range of bigint in a database

result<done> check_seq(std::uint64_t seq, std::string_view what, std::uint64_t lowest = 1) {
  if (seq < lowest)
    return failure{errc::malformed, std::string{what} + " is " + std::to_string(seq)};
  if (seq > seq_max)
    return failure{errc::limit, std::string{what} + " exceeds 63 bits"};
  return done{};
}

result<done> check_buses(const std::vector<can::bus_name>& buses) {
  if (buses.size() > buses_max)
    return too_many("buses", buses.size(), buses_max);
  for (const auto& bus : buses)
    if (auto ok = check_text(bus.name, "name of a bus", name_bytes_max); !ok)
      return ok;
  return done{};
}

result<done> check(const hello& m) {
  if (m.runs.size() > runs_max)
    return too_many("runs", m.runs.size(), runs_max);
  if (m.first_seq > m.last_seq && m.first_seq - m.last_seq != 1)
    return failure{errc::malformed, "first_seq " + std::to_string(m.first_seq)
                                      + " is above last_seq " + std::to_string(m.last_seq)
                                      + " + 1"};
  for (const auto& run : m.runs)
    if (auto ok = check_seq(run.first_seq, "first_seq of a run"); !ok)
      return ok;
  if (m.sources.size() > sources_max)
    return too_many("sources", m.sources.size(), sources_max);
  for (const auto& source : m.sources)
    if (auto ok = first_failure({check_text(source.digest, "digest of a source", digest_bytes_max),
                                 check_text(source.name, "name of a source", text_bytes_max)});
        !ok)
      return ok;
  if (m.unreachable.size() > unreachable_max)
    return too_many("unreachable nodes", m.unreachable.size(), unreachable_max);
  for (const auto& node : m.unreachable)
    if (auto ok = check_text(node, "unreachable node", text_bytes_max); !ok)
      return ok;
  return first_failure({check_text(m.token, "token", text_bytes_max, true),
                        check_text(m.equipment, "equipment", name_bytes_max),
                        check_text(m.software, "software", text_bytes_max, true),
                        check_seq(m.first_seq, "first_seq"), check_seq(m.last_seq, "last_seq", 0),
                        check_buses(m.buses)});
}

result<done> check(const welcome& m) {
  if (m.nodes.size() > nodes_max)
    return too_many("nodes", m.nodes.size(), nodes_max);
  for (const auto& node : m.nodes)
    if (auto ok = check_text(node, "node", text_bytes_max); !ok)
      return ok;
  return check_seq(m.resume_from, "resume_from");
}

result<done> check(const redirect& m) {
  return check_text(m.node, "node", text_bytes_max);
}

result<done> check(const reject& m) {
  return first_failure({check_text(m.reason, "reason", text_bytes_max, true),
                        check_seq(m.fork_seq, "fork_seq", 0),
                        check_seq(m.durable_seq, "durable_seq", 0)});
}

/// Checks a batch without its items. The items are checked one by one while they are translated.
result<done> check_numbers(const batch& m, std::uint64_t count) {
  if (m.items.size() > groups_max)
    return too_many("groups of items", m.items.size(), groups_max);
  if (m.first_seq > seq_max || count > seq_max - m.first_seq)
    return failure{errc::limit, "a batch whose numbers exceed 63 bits"};
  if (m.first_seq + count > m.last_seq + 1)
    return failure{errc::malformed, "items up to " + std::to_string(m.first_seq + count - 1)
                                      + " but last_seq is " + std::to_string(m.last_seq)};
  return first_failure(
    {check_seq(m.first_seq, "first_seq"), check_seq(m.last_seq, "last_seq"), check_buses(m.buses)});
}

result<done> check(const batch& m) {
  std::size_t records = 0;
  for (const auto& group : m.items) {
    if (auto ok = check_items(group); !ok)
      return ok;
    if (const auto* list = std::get_if<std::vector<can::record>>(&group))
      records += list->size();
  }
  if (records > records_max)
    return too_many("records", records, records_max);
  return check_numbers(m, m.count());
}

result<done> check(const ack& m) {
  return check_seq(m.durable_seq, "durable_seq", 0);
}
result<done> check(const rewind& m) {
  return check_seq(m.from_seq, "from_seq");
}
result<done> check(const goaway& m) {
  return check_text(m.node, "node", text_bytes_max, true);
}
result<done> check(const ping& /*m*/) {
  return done{};
}
result<done> check(const pong& /*m*/) {
  return done{};
}
result<done> check(const pace& /*m*/) {
  return done{};
}
result<done> check(const sample& m) {
  if (m.frames.size() > sample_frames_max)
    return too_many("frames in a sample", m.frames.size(), sample_frames_max);
  if (m.frames.headers.size() > sample_frames_max)
    return too_many("headers in a sample", m.frames.headers.size(), sample_frames_max);
  if (!m.frames.long_payload.empty())
    return failure{errc::limit, "a sample with long payload"};
  return first_failure({check_seq(m.as_of_seq, "as_of_seq"), check_frames(m.frames)});
}

void fill_buses(const std::vector<can::bus_name>& buses,
                google::protobuf::RepeatedPtrField<wire::Bus>& out) {
  for (const auto& bus : buses) {
    auto& to = *out.Add();
    to.set_bus(bus.bus);
    to.set_name(bus.name);
  }
}

void fill(const hello& m, wire::Envelope& out) {
  auto& to = *out.mutable_hello();
  to.set_version_min(m.lowest_version);
  to.set_version_max(m.highest_version);
  to.set_token(m.token);
  to.set_equipment(m.equipment);
  to.set_stream_id(m.stream_id.data(), m.stream_id.size());
  if (m.iso_name)
    to.set_iso_name(*m.iso_name);
  to.set_first_seq(m.first_seq);
  to.set_last_seq(m.last_seq);
  for (const auto& run : m.runs) {
    auto& mark = *to.add_runs();
    mark.set_run(run.run);
    mark.set_first_seq(run.first_seq);
  }
  fill_buses(m.buses, *to.mutable_buses());
  to.set_software(m.software);
  for (const auto& source : m.sources) {
    auto& mark = *to.add_sources();
    mark.set_digest(source.digest);
    mark.set_name(source.name);
  }
  for (const auto& node : m.unreachable)
    to.add_unreachable(node);
}

void fill(const welcome& m, wire::Envelope& out) {
  auto& to = *out.mutable_welcome();
  to.set_version(m.version);
  to.set_epoch(m.epoch);
  to.set_resume_from(m.resume_from);
  for (const auto& node : m.nodes)
    to.add_nodes(node);
  to.set_keepalive_ms(m.keepalive_ms);
  to.set_silence_ms(m.silence_ms);
}

void fill(const reject& m, wire::Envelope& out) {
  auto& to = *out.mutable_reject();
  to.set_code(static_cast<wire::Reject::Code>(m.code));
  to.set_reason(m.reason);
  to.set_fork_seq(m.fork_seq);
  to.set_durable_seq(m.durable_seq);
}

void fill(const batch& m, wire::Envelope& out) {
  auto& to = *out.mutable_batch();
  to.set_first_seq(m.first_seq);
  to.set_last_seq(m.last_seq);
  fill_buses(m.buses, *to.mutable_buses());
  for (const auto& group : m.items)
    to_wire(group, *to.add_items());
}

void fill(const redirect& m, wire::Envelope& out) {
  out.mutable_redirect()->set_node(m.node);
}
void fill(const ack& m, wire::Envelope& out) {
  out.mutable_ack()->set_durable_seq(m.durable_seq);
}
void fill(const rewind& m, wire::Envelope& out) {
  out.mutable_rewind()->set_from_seq(m.from_seq);
}
void fill(const goaway& m, wire::Envelope& out) {
  out.mutable_goaway()->set_node(m.node);
}
void fill(const ping& m, wire::Envelope& out) {
  out.mutable_ping()->set_nonce(m.nonce);
}
void fill(const pong& m, wire::Envelope& out) {
  out.mutable_pong()->set_nonce(m.nonce);
}
void fill(const pace& m, wire::Envelope& out) {
  out.mutable_pace()->set_interval_ms(m.interval_ms);
}
void fill(const sample& m, wire::Envelope& out) {
  out.mutable_sample()->set_as_of_seq(m.as_of_seq);
  to_wire(m.frames, *out.mutable_sample()->mutable_frames());
}

result<std::vector<can::bus_name>>
read_buses(const google::protobuf::RepeatedPtrField<wire::Bus>& buses) {
  if (static_cast<std::size_t>(buses.size()) > buses_max)
    return too_many("buses", static_cast<std::size_t>(buses.size()), buses_max);
  std::vector<can::bus_name> out;
  for (const auto& bus : buses) {
    if (bus.bus() > std::numeric_limits<std::uint8_t>::max())
      return failure{errc::limit, "bus " + std::to_string(bus.bus()) + ", at most 255"};
    out.push_back({static_cast<std::uint8_t>(bus.bus()), bus.name()});
  }
  return out;
}

result<message> read(const wire::Hello& from) {
  hello m;
  m.lowest_version = from.version_min();
  m.highest_version = from.version_max();
  m.token = from.token();
  m.equipment = from.equipment();
  if (from.stream_id().size() != m.stream_id.size())
    return failure{errc::malformed,
                   "stream_id of " + std::to_string(from.stream_id().size()) + " bytes, not 16"};
  std::copy(from.stream_id().begin(), from.stream_id().end(), m.stream_id.begin());
  if (from.has_iso_name())
    m.iso_name = from.iso_name();
  m.first_seq = from.first_seq();
  m.last_seq = from.last_seq();
  for (const auto& run : from.runs())
    m.runs.push_back({run.run(), run.first_seq()});
  auto buses = read_buses(from.buses());
  if (!buses)
    return buses.error();
  m.buses = std::move(*buses);
  m.software = from.software();
  for (const auto& source : from.sources())
    m.sources.push_back({source.digest(), source.name()});
  m.unreachable.assign(from.unreachable().begin(), from.unreachable().end());
  return message{std::move(m)};
}

result<message> read(const wire::Welcome& from) {
  return message{welcome{from.version(),
                         from.epoch(),
                         from.resume_from(),
                         {from.nodes().begin(), from.nodes().end()},
                         from.keepalive_ms(),
                         from.silence_ms()}};
}

result<message> read(const wire::Reject& from) {
  const auto known = from.code() >= wire::Reject::UNSPECIFIED && from.code() <= wire::Reject::KNOWN;
  return message{reject{known ? static_cast<reject_code>(from.code()) : reject_code::unspecified,
                        from.reason(), from.fork_seq(), from.durable_seq()}};
}

result<message> read(const wire::Batch& from) {
  if (static_cast<std::size_t>(from.items_size()) > groups_max)
    return too_many("groups of items", static_cast<std::size_t>(from.items_size()), groups_max);
  auto buses = read_buses(from.buses());
  if (!buses)
    return buses.error();
  batch m{from.first_seq(), from.last_seq(), std::move(*buses), {}};
  m.items.reserve(static_cast<std::size_t>(from.items_size()));
  for (const auto& items : from.items()) {
    auto group = from_wire(items);
    if (!group)
      return group.error();
    m.items.push_back(std::move(*group));
  }
  return message{std::move(m)};
}

result<message> read(const wire::Sample& from) {
  const auto count = static_cast<std::size_t>(from.frames().slots_size());
  if (count > sample_frames_max)
    return too_many("frames in a sample", count, sample_frames_max);
  auto frames = from_wire(from.frames());
  if (!frames)
    return frames.error();
  return message{sample{from.as_of_seq(), std::move(*frames)}};
}

result<message> read(const wire::Envelope& from) {
  switch (from.body_case()) {
  case wire::Envelope::kHello:
    return read(from.hello());
  case wire::Envelope::kWelcome:
    return read(from.welcome());
  case wire::Envelope::kRedirect:
    return message{redirect{from.redirect().node()}};
  case wire::Envelope::kReject:
    return read(from.reject());
  case wire::Envelope::kBatch:
    return read(from.batch());
  case wire::Envelope::kAck:
    return message{ack{from.ack().durable_seq()}};
  case wire::Envelope::kRewind:
    return message{rewind{from.rewind().from_seq()}};
  case wire::Envelope::kGoaway:
    return message{goaway{from.goaway().node()}};
  case wire::Envelope::kPing:
    return message{ping{from.ping().nonce()}};
  case wire::Envelope::kPong:
    return message{pong{from.pong().nonce()}};
  case wire::Envelope::kPace:
    return message{pace{from.pace().interval_ms()}};
  case wire::Envelope::kSample:
    return read(from.sample());
  case wire::Envelope::BODY_NOT_SET:
    break;
  }
  return failure{errc::malformed, "an envelope without a known message"};
}

} // namespace

const char* to_string(errc code) {
  switch (code) {
  case errc::none:
    return "no error";
  case errc::length:
    return "the length of the message is out of bounds";
  case errc::malformed:
    return "not a message of this protocol";
  case errc::limit:
    return "a limit of the protocol is exceeded";
  case errc::columns:
    return "the columns of frames contradict each other";
  case errc::text:
    return "a text is not UTF-8, or empty where it must not be";
  }
  return "unknown";
}

const char* to_string(reject_code code) {
  switch (code) {
  case reject_code::unspecified:
    return "unspecified";
  case reject_code::version:
    return "no common version";
  case reject_code::credentials:
    return "wrong credentials";
  case reject_code::malformed:
    return "malformed message";
  case reject_code::limit:
    return "limit exceeded";
  case reject_code::superseded:
    return "superseded by a newer session";
  case reject_code::forked:
    return "the spool is a copy";
  case reject_code::unavailable:
    return "unavailable now";
  case reject_code::gone:
    return "needs items that the spool has deleted";
  case reject_code::known:
    return "has this file already";
  }
  return "unknown";
}

std::uint64_t batch::count() const {
  std::uint64_t sum = 0;
  for (const auto& group : items)
    sum += item_count(group);
  return sum;
}

result<done> encode(const message& what, std::string& out) {
  return write_envelope<wire::Envelope>(
    what, [](const auto& m) { return check(m); }, [](const auto& m, auto& to) { fill(m, to); },
    out);
}

result<std::uint32_t> decode_length(std::span<const std::uint8_t, length_bytes> prefix,
                                    std::uint32_t bytes_max) {
  std::uint32_t length = 0;
  for (const auto byte : prefix)
    length = length << 8U | byte;
  if (length == 0)
    return failure{errc::length, "a message of 0 bytes"};
  if (length > bytes_max)
    return failure{errc::length, "a message of " + at_most("bytes", length, bytes_max)};
  return length;
}

result<message> decode(std::span<const std::uint8_t> bytes) {
  return read_envelope<wire::Envelope, message>(
    bytes, [](const auto& from) { return read(from); }, [](const auto& m) { return check(m); });
}

result<done> encode_batch(std::uint64_t first_seq,
                          std::uint64_t last_seq,
                          std::span<const can::bus_name> buses,
                          std::span<const std::string_view> items,
                          std::string& out) {
  using google::protobuf::internal::WireFormatLite;
  if (items.size() > groups_max)
    return too_many("groups of items", items.size(), groups_max);
  wire::Batch head;
  head.set_first_seq(first_seq);
  head.set_last_seq(last_seq);
  fill_buses({buses.begin(), buses.end()}, *head.mutable_buses());
  auto bytes = head.ByteSizeLong();
  for (const auto group : items)
    bytes += 1 + WireFormatLite::LengthDelimitedSize(group.size());
  const auto whole = 1 + WireFormatLite::LengthDelimitedSize(bytes);
  if (whole > message_bytes_max)
    return too_many("bytes in a message", whole, message_bytes_max);
  out.reserve(out.size() + length_bytes + whole);
  append_length(whole, out);
  const auto open = [&](int field, std::size_t size) {
    std::uint8_t prefix[16];
    auto* end =
      WireFormatLite::WriteTagToArray(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, prefix);
    end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
      static_cast<std::uint32_t>(size), end);
    out.append(prefix, end);
  };
  open(wire::Envelope::kBatchFieldNumber, bytes);
  head.AppendToString(&out);
  for (const auto group : items) {
    open(wire::Batch::kItemsFieldNumber, group.size());
    out.append(group);
  }
  return done{};
}

} // namespace furrow::proto
