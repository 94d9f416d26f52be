#include "storage/move/facts.hpp"

#include "can/text/put.hpp"
#include "storage/postgres/connection/byte_buffer.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace furrow::storage {

namespace {

constexpr std::size_t hashed_at_once = 64U << 10U;

/// The value in a fixed form: names in order, numbers as the nearest double.
std::string canonical(std::string_view text) {
  auto value = nlohmann::json::parse(text, nullptr, false);
  const auto level = [](auto&& self, nlohmann::json& at) -> void {
    if (at.is_number())
      at = at.get<double>() + 0.0; // -0 becomes +0: PostgreSQL has no other
    else if (at.is_structured())
      for (auto& each : at)
        self(self, each);
  };
  level(level, value);
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

content_hash::content_hash() : digest_{EVP_MD_CTX_new(), EVP_MD_CTX_free} {
  (void)EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
}

void content_hash::add(std::string_view bytes) {
  bytes_ += bytes;
  if (bytes_.size() >= hashed_at_once)
    flush();
}

void content_hash::flush() {
  (void)EVP_DigestUpdate(digest_.get(), bytes_.data(), bytes_.size());
  bytes_.clear();
}

std::string content_hash::hex() {
  flush();
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  (void)EVP_DigestFinal_ex(digest_.get(), raw.data(), &size);
  return can::text::lower_hex(std::span{raw}.first(size));
}

result<done> facts_of_table::add_row(std::string_view row) {
  ++facts_.rows;
  auto& hash = hashes_[0];
  if (plain_) {
    hash.add(row);
    return done{};
  }
  const failure unlike{errc::misconfigured, table_.name + ": a row has an unexpected form"};
  if (row.size() < 2
      || load_big<std::uint16_t>(row.data()) != static_cast<std::uint16_t>(table_.columns.size()))
    return unlike;
  std::size_t at = 2;
  for (const auto& column : table_.columns) {
    if (row.size() - at < 4)
      return unlike;
    const auto length = load_big<std::int32_t>(row.data() + at);
    at += 4;
    hash.number(length < 0);
    if (length < 0)
      continue;
    const auto size = static_cast<std::size_t>(length);
    if (row.size() - at < size)
      return unlike;
    const auto field = row.substr(at, size);
    at += size;
    // The first byte of jsonb is its format version.
    const auto said = column.type == copy_type::json
                        ? canonical(field.substr(std::min<std::size_t>(1, size)))
                        : std::string{field};
    hash.number(said.size());
    hash.add(said);
  }
  return done{};
}

void facts_of_table::add_block(std::int32_t stream,
                               std::int32_t equipment,
                               std::uint64_t seq_first,
                               const can::frame_block& block,
                               std::size_t first,
                               std::size_t count) {
  ++facts_.rows;
  facts_.frames += count;
  auto& hash = hashes_[stream];
  hash.number(equipment);
  for (std::size_t i = 0; i < count; ++i) {
    const auto frame = block[first + i];
    hash.number(seq_first + i);
    hash.number(frame.time_us);
    hash.number(frame.header.bits);
    const auto payload = frame.payload();
    hash.add({reinterpret_cast<const char*>(payload.data()), payload.size()});
  }
}

copy_facts facts_of_table::take() {
  for (auto& [stream, hash] : hashes_)
    facts_.hashes[stream] = hash.hex();
  return std::move(facts_);
}

} // namespace furrow::storage
