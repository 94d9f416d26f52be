#include "storage/archive/chunk.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

namespace furrow::storage {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::size_t text_bytes_max = 4'096;

template <class T>
void put(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof raw);
  out.append(raw, sizeof raw);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint16_t>(text.size()));
  out += text;
}

template <class T>
void put_list(std::string& out, const std::vector<T>& values) {
  put(out, static_cast<std::uint32_t>(values.size()));
  for (const auto value : values)
    put(out, value);
}

/// Reads bytes in order. Once they are too few, every later read fails too.
class source {
public:
  explicit source(std::string_view bytes) : bytes_{bytes} {}

  template <class T>
  T number() {
    T value{};
    const auto raw = take(sizeof(T));
    if (raw.size() == sizeof(T))
      std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }
  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_) {
      ended_ = true;
      at_ = bytes_.size();
      return {};
    }
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  template <class T>
  bool list(std::vector<T>& out) {
    const auto count = number<std::uint32_t>();
    if (std::size_t{count} * sizeof(T) > bytes_.size() - at_)
      return false;
    out.resize(count);
    for (auto& value : out)
      value = number<T>();
    return !ended_;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool at_end() const { return !ended_ && at_ == bytes_.size(); }
  [[nodiscard]] std::size_t used() const { return at_; }

private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

void append_piece(std::string& out, piece_kind kind, const std::string& body) {
  put(out, static_cast<std::uint8_t>(kind));
  put(out, static_cast<std::uint32_t>(body.size()));
  out += body;
}

bool read_segment(source& from, segment& out) {
  out.channel = from.number<std::int32_t>();
  out.frames = from.number<std::uint32_t>();
  out.time_base_us = from.number<std::int64_t>();
  out.seq_base = from.number<std::uint64_t>();
  out.time_step_us = from.number<std::int64_t>();
  out.time_planes = from.number<std::uint8_t>();
  out.seq_planes = from.number<std::uint8_t>();
  out.payload_planes = from.number<std::uint16_t>();
  if (!from.list(out.headers) || !from.list(out.anchors_us))
    return false;
  out.data = from.take(from.number<std::uint32_t>());
  // A file may hold times that no clock gives: adding them up must stay defined.
  constexpr std::int64_t far_us = std::int64_t{1} << 60U;
  const auto near = [](std::int64_t us) { return us > -far_us && us < far_us; };
  if (from.ended() || !near(out.time_base_us) || out.time_step_us < -(std::int64_t{1} << 50U)
      || out.time_step_us > std::int64_t{1} << 50U)
    return false;
  for (const auto us : out.anchors_us)
    if (!near(us))
      return false;
  return true;
}

} // namespace

void append_head(std::string& out, const archive_head& head) {
  out += archive_magic;
  put_text(out, head.farm);
  put_text(out, head.equipment);
  out.append(reinterpret_cast<const char*>(head.stream_id.data()), head.stream_id.size());
  put(out, static_cast<std::uint16_t>(head.buses.size()));
  for (const auto& bus : head.buses) {
    put(out, bus.bus);
    put_text(out, bus.name);
  }
}

std::optional<archive_head> read_head(std::string_view bytes, std::size_t& used, bool& wrong) {
  used = 0;
  wrong = !archive_magic.starts_with(bytes.substr(0, archive_magic.size()))
          && !bytes.starts_with(archive_magic);
  if (wrong || bytes.size() < archive_magic.size())
    return std::nullopt;
  source from{bytes};
  (void)from.take(archive_magic.size());
  archive_head out;
  const auto text = [&](std::string& into) {
    const auto size = from.number<std::uint16_t>();
    wrong = wrong || size > text_bytes_max;
    into = from.take(size);
  };
  text(out.farm);
  text(out.equipment);
  const auto id = from.take(out.stream_id.size());
  std::copy(id.begin(), id.end(), out.stream_id.begin()); // empty when the bytes have ended
  const auto buses = from.number<std::uint16_t>();
  wrong = wrong || buses > 256;
  for (unsigned i = 0; i < buses && !from.ended() && !wrong; ++i) {
    auto& bus = out.buses.emplace_back();
    bus.bus = from.number<std::uint8_t>();
    text(bus.name);
  }
  if (from.ended() || wrong) {
    wrong = wrong || bytes.size() >= head_bytes_max;
    return std::nullopt;
  }
  used = from.used();
  return out;
}

void append_chunk(std::string& out, const sealed_chunk& chunk) {
  std::string body;
  put(body, chunk.seq_first);
  put(body, chunk.seq_last);
  put(body, chunk.frames);
  put(body, static_cast<std::uint32_t>(chunk.segments.size()));
  for (const auto& one : chunk.segments) {
    put(body, one.channel);
    put(body, one.frames);
    put(body, one.time_base_us);
    put(body, one.seq_base);
    put(body, one.time_step_us);
    put(body, one.time_planes);
    put(body, one.seq_planes);
    put(body, one.payload_planes);
    put_list(body, one.headers);
    put_list(body, one.anchors_us);
    put(body, static_cast<std::uint32_t>(one.data.size()));
    body += one.data;
  }
  append_piece(out, piece_kind::chunk, body);
}

void append_end(std::string& out, archive_totals totals) {
  std::string body;
  put(body, totals.frames);
  put(body, totals.chunks);
  append_piece(out, piece_kind::end, body);
}

std::optional<std::vector<frame_run>> read_chunk(std::string_view body) {
  constexpr std::size_t segment_bytes_min = 48;
  source from{body};
  const auto first = from.number<std::uint64_t>();
  const auto last = from.number<std::uint64_t>();
  const auto frames = from.number<std::uint64_t>();
  const auto segments = from.number<std::uint32_t>();
  if (from.ended() || first == 0 || last < first || frames == 0 || frames > last - first + 1
      || frames > 2 * chunk_frames_max || last > std::numeric_limits<std::int64_t>::max()
      || segments > body.size() / segment_bytes_min)
    return std::nullopt;
  std::vector<segment> parts(segments);
  std::uint64_t held = 0;
  for (auto& one : parts) {
    if (!read_segment(from, one))
      return std::nullopt;
    held += one.frames;
  }
  std::vector<frame_run> runs;
  if (!from.at_end() || held != frames || !unseal(parts, 0, runs) || runs.empty())
    return std::nullopt;
  // Each number once, between the first and the last number.
  std::uint64_t next = first;
  std::uint64_t count = 0;
  for (const auto& run : runs) {
    if (run.seq_first < next || run.seq_first > last || run.block.size() > last - run.seq_first + 1)
      return std::nullopt;
    next = run.seq_first + run.block.size();
    count += run.block.size();
  }
  if (runs.front().seq_first != first || next != last + 1 || count != frames)
    return std::nullopt;
  return runs;
}

std::optional<archive_totals> read_end(std::string_view body) {
  source from{body};
  archive_totals out{from.number<std::uint64_t>(), from.number<std::uint64_t>()};
  return from.at_end() ? std::optional{out} : std::nullopt;
}

} // namespace furrow::storage
