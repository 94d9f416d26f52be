#include "tools/furrow/database/import_stream.hpp"

#include "storage/frames.hpp"
#include "storage/migrations/migrations.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace furrow::cli {

namespace {

constexpr std::size_t frames_a_block = 8'192;
constexpr std::size_t hash_chunk = 65'536;

can::stream_id id_of(const std::string& name) {
  const auto hex = storage::sha256_hex(name);
  can::stream_id out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    (void)std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, out[i], 16);
  return out;
}

} // namespace

frame_hash::frame_hash() : digest_{EVP_MD_CTX_new(), EVP_MD_CTX_free} {
  (void)EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
}

void frame_hash::add(std::uint64_t seq, const can::frame_view& frame) {
  const auto put = [&](const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  };
  put(&seq, sizeof seq);
  put(&frame.time_us, sizeof frame.time_us);
  put(&frame.header.bits, sizeof frame.header.bits);
  put(frame.data, frame.header.payload_bytes());
  if (bytes_.size() >= hash_chunk)
    flush();
}

void frame_hash::flush() {
  (void)EVP_DigestUpdate(digest_.get(), bytes_.data(), bytes_.size());
  bytes_.clear();
}

std::string frame_hash::hex() {
  flush();
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  (void)EVP_DigestFinal_ex(digest_.get(), raw.data(), &size);
  return {raw.begin(), raw.begin() + size};
}

can::stream_id import_stream::stream_of(const std::string& name,
                                        const storage::source_group& group) {
  return id_of("furrow import\n" + name + "\n" + group.farm + "\n" + group.equipment);
}

storage::result<std::unique_ptr<import_stream>>
import_stream::claim(storage::store& store,
                     storage::appender& lane,
                     const std::string& name,
                     const storage::source_group& group) {
  std::unique_ptr<import_stream> out{new import_stream{store, lane}};
  const bool named = !group.equipment.empty() && group.equipment.size() <= 64;
  out->farm_ = group.farm;
  out->equipment_ = named ? group.equipment : "unnamed";
  out->stream_id_ = stream_of(name, group);
  // Always the same run: an import continues the earlier import of its name.
  std::uint64_t run = 0;
  std::memcpy(&run, out->stream_id_.data(), sizeof run);
  const storage::claim_request request{
    out->farm_, out->equipment_, out->stream_id_, std::nullopt, {{run, 1}}};
  auto claimed = asked<std::vector<storage::claim_outcome>>([&](auto done) {
                   store.claim({request}, std::move(done));
                 }).get();
  if (!claimed)
    return claimed.error();
  if (const auto& moved = claimed->front().moved)
    return storage::failure{storage::errc::reject_row, "the farm " + group.farm
                                                         + " lives in the database "
                                                         + moved->database + ": give its URL"};
  if (claimed->front().held)
    return storage::failure{storage::errc::retry_later,
                            "another transaction holds the stream of " + out->equipment_};
  out->claim_ = claimed->front().claim;
  out->known = claimed->front().durable_seq;
  out->next_.from = out->next_.to = out->known;
  return out;
}

void import_stream::keep_frame(const imported_frame& frame) {
  auto& runs = next_.frames;
  const auto fresh = [&] {
    runs.emplace_back();
    runs.back().seq_first = rows;
    return runs.back().block.push(frame.time_us, frame.header, frame.payload.data());
  };
  const bool goes_on = !runs.empty() && runs.back().seq_first + runs.back().block.size() == rows
                       && runs.back().block.size() < frames_a_block;
  if (!goes_on || !runs.back().block.push(frame.time_us, frame.header, frame.payload.data()))
    (void)fresh(); // one valid frame always fits into an empty block
}

storage::result<done> import_stream::add(const storage::source_row& row, storage::time_unit unit) {
  imported_frame frame;
  const auto reason = read_row(row, unit, buses_, frame);
  ++rows;
  if (reason.empty()) {
    ++frames;
    hash_.add(rows, {frame.time_us, frame.header, frame.payload.data()});
  } else
    ++quarantined;
  if (rows <= known)
    return done{};
  next_.to = rows;
  if (reason.empty())
    keep_frame(frame);
  else
    next_.quarantine.push_back(
      {rows, frame.dated ? frame.time_us : INT64_MIN, reason, row_as_json(row), record_kind_row});
  return next_.to - next_.from < rows_an_append ? storage::result<done>{done{}} : send();
}

storage::result<done> import_stream::settle() {
  if (!under_way_.valid())
    return done{};
  const auto stored = under_way_.get();
  if (!stored)
    return stored.error();
  if (!stored->fenced.empty())
    return storage::failure{storage::errc::fenced,
                            "another import of the same name is importing " + equipment_};
  if (stored->quarantined > 0)
    return storage::failure{storage::errc::reject_row,
                            "the database rejected " + std::to_string(stored->quarantined)
                              + " frames of " + equipment_ + ": `furrow quarantine list` says why"};
  return done{};
}

storage::result<done> import_stream::send() {
  auto before = settle();
  if (!before || next_.to == next_.from)
    return before;
  next_.claim = claim_;
  next_.sent = next_.to;
  // Sends all names, not only the new ones: earlier names may be from rows that a killed run had not stored yet.
  if (buses_.names().size() > buses_sent_)
    next_.buses = buses_.names();
  buses_sent_ = buses_.names().size();
  const auto to = next_.to;
  auto batch = std::make_shared<storage::append_batch>();
  batch->push_back(std::exchange(next_, {}));
  next_.from = next_.to = to;
  under_way_ = asked<storage::append_outcome>(
    [&](auto done) { lane_.append(std::move(batch), std::move(done)); });
  return done{};
}

storage::result<done> import_stream::finish() {
  const auto sent = send();
  return sent ? settle() : sent;
}

storage::result<std::string> import_stream::difference() {
  const auto ledger = asked<std::vector<storage::ledger_row>>([&](auto done) {
                        store_.read_ledger(farm_, equipment_, std::move(done));
                      }).get();
  if (!ledger)
    return ledger.error();
  const auto row = std::find_if(ledger->begin(), ledger->end(),
                                [&](const auto& each) { return each.stream_id == stream_id_; });
  if (row == ledger->end() || row->durable != rows || row->lost != 0 || row->doubled != 0)
    return "the ledger says "
           + (row == ledger->end()
                ? "nothing"
                : std::to_string(row->durable) + " durable, " + std::to_string(row->lost)
                    + " lost, " + std::to_string(row->doubled) + " doubled")
           + " of " + std::to_string(rows) + " rows";
  frame_hash stored;
  std::uint64_t count = 0;
  storage::frames_cursor at{claim_.stream, 0};
  while (count < frames) {
    const auto page = asked<storage::frames_page>([&](auto done) {
                        store_.frames()->read_frames(
                          {farm_, equipment_, std::nullopt, std::nullopt}, at, std::move(done));
                      }).get();
    if (!page)
      return page.error();
    for (const auto& run : page->runs)
      for (std::size_t i = 0; i < run.block.size(); ++i, ++count)
        stored.add(run.seq_first + i, run.block[i]);
    if (!page->next || page->next->stream != claim_.stream)
      break;
    at = *page->next;
  }
  if (count != frames)
    return std::to_string(count) + " of " + std::to_string(frames) + " frames are stored";
  if (stored.hex() != hash_.hex())
    return std::string{
      "the stored frames differ from the table: were rows changed or inserted after the import "
      "had begun, or is --map different?"};
  return std::string{};
}

} // namespace furrow::cli
