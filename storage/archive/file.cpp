#include "storage/archive/file.hpp"

#include "can/text/put.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::string_view zstd_magic = "\x28\xB5\x2F\xFD";
constexpr int level = 6;
constexpr int window_log = 22;

struct file_closer {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, file_closer>;

failure no_disk(const std::string& path) {
  return {errc::retry_later, path + ": " + std::generic_category().message(errno)};
}
failure no_archive(const std::string& path, const char* why) {
  return {errc::reject_row, path + ": " + why};
}

class sha256_sum {
public:
  sha256_sum() : context_{EVP_MD_CTX_new()} {
    sound_ = context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
  }
  void add(std::string_view bytes) {
    sound_ = sound_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
  }
  /// Empty when the sum could not be computed: equals no sum.
  [[nodiscard]] std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned size = 0;
    if (!sound_ || EVP_DigestFinal_ex(context_.get(), raw.data(), &size) != 1)
      return {};
    return can::text::lower_hex(std::span{raw}.first(size));
  }

private:
  struct closer {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, closer> context_;
  bool sound_ = false;
};

void note(archive_facts& facts,
          std::uint64_t first,
          std::uint64_t last,
          std::pair<std::int64_t, std::int64_t> times) {
  if (facts.totals.chunks == 0) {
    facts.seq_first = first;
    std::tie(facts.time_first_us, facts.time_last_us) = times;
  }
  facts.seq_last = last;
  facts.time_first_us = std::min(facts.time_first_us, times.first);
  facts.time_last_us = std::max(facts.time_last_us, times.second);
  ++facts.totals.chunks;
}

} // namespace

struct archive_writer::parts {
  std::string path;
  std::string part;
  file_handle file;
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> packer{ZSTD_createCCtx(), ZSTD_freeCCtx};
  sha256_sum sum;
  archive_facts facts;
  std::string out;

  std::optional<failure> write(std::string_view bytes, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    out.resize(ZSTD_CStreamOutSize());
    for (std::size_t left = 1; left != 0 || in.pos < in.size;) {
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      left = ZSTD_compressStream2(packer.get(), &to, &in, how);
      if (ZSTD_isError(left) != 0)
        return failure{errc::retry_later, path + ": " + ZSTD_getErrorName(left)};
      const std::string_view packed{out.data(), to.pos};
      if (std::fwrite(packed.data(), 1, packed.size(), file.get()) != packed.size())
        return no_disk(part);
      sum.add(packed);
      facts.bytes += packed.size();
      if (how == ZSTD_e_continue && in.pos == in.size)
        break;
    }
    return std::nullopt;
  }
};

archive_writer::archive_writer(std::unique_ptr<parts> made) : parts_{std::move(made)} {}

archive_writer::~archive_writer() {
  if (parts_->file != nullptr) {
    parts_->file.reset();
    (void)::unlink(parts_->part.c_str());
  }
}

result<std::unique_ptr<archive_writer>> archive_writer::create(const std::string& path,
                                                               archive_head head) {
  auto made = std::make_unique<parts>();
  made->path = path;
  made->part = path + ".part";
  made->file.reset(std::fopen(made->part.c_str(), "wbe"));
  if (made->file == nullptr)
    return no_disk(made->part);
  if (made->packer == nullptr)
    return failure{errc::retry_later, path + ": no memory for zstd"};
  ZSTD_CCtx_setParameter(made->packer.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(made->packer.get(), ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(made->packer.get(), ZSTD_c_checksumFlag, 1);
  made->facts.head = std::move(head);
  std::string text;
  append_head(text, made->facts.head);
  const auto failed = made->write(text, ZSTD_e_continue);
  std::unique_ptr<archive_writer> writer{new archive_writer{std::move(made)}};
  if (failed)
    return *failed;
  return writer;
}

result<done> archive_writer::add(const sealed_chunk& chunk) {
  std::string text;
  append_chunk(text, chunk);
  if (text.size() > piece_bytes_max)
    return failure{errc::reject_row, parts_->path + ": a chunk is too large for an archive"};
  if (const auto failed = parts_->write(text, ZSTD_e_continue))
    return *failed;
  note(parts_->facts, chunk.seq_first, chunk.seq_last, {chunk.time_first_us, chunk.time_last_us});
  parts_->facts.totals.frames += chunk.frames;
  return done{};
}

const archive_totals& archive_writer::totals() const {
  return parts_->facts.totals;
}

result<archive_facts> archive_writer::finish() {
  std::string text;
  append_end(text, parts_->facts.totals);
  if (const auto failed = parts_->write(text, ZSTD_e_end))
    return *failed;
  if (std::fflush(parts_->file.get()) != 0 || ::fsync(::fileno(parts_->file.get())) != 0)
    return no_disk(parts_->part);
  if (std::rename(parts_->part.c_str(), parts_->path.c_str()) != 0)
    return no_disk(parts_->path);
  parts_->file.reset();
  parts_->facts.sha256 = parts_->sum.hex();
  return parts_->facts;
}

namespace {

/// Unpacked bytes that are not parsed yet.
class archive_parser {
public:
  using taker = std::function<bool(const archive_head&, const std::vector<frame_run>&)>;
  archive_parser(archive_facts& facts, const taker& take) : facts_{facts}, take_{take} {}

  /// The fault in the bytes so far; nullptr: none.
  const char* feed(std::string_view bytes) {
    waiting_ += bytes;
    std::size_t at = 0;
    const auto* wrong = go_through(at);
    waiting_.erase(0, at);
    return wrong;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool enough() const { return enough_; }

private:
  const char* go_through(std::size_t& at) {
    if (!headed_) {
      bool wrong = false;
      const auto head = read_head(waiting_, at, wrong);
      if (wrong)
        return "this is not a Furrow archive";
      if (!head)
        return nullptr;
      facts_.head = *head;
      headed_ = true;
    }
    while (!enough_ && waiting_.size() - at >= piece_head_bytes) {
      if (ended_)
        return "bytes follow the end";
      std::uint32_t size = 0;
      std::copy_n(waiting_.data() + at + 1, sizeof size, reinterpret_cast<char*>(&size));
      if (size > piece_bytes_max)
        return "a piece is too large";
      if (waiting_.size() - at - piece_head_bytes < size)
        return nullptr;
      const auto kind = static_cast<std::uint8_t>(waiting_[at]);
      const auto body = std::string_view{waiting_}.substr(at + piece_head_bytes, size);
      at += piece_head_bytes + size;
      if (const auto* wrong = piece(kind, body))
        return wrong;
    }
    return ended_ && waiting_.size() != at ? "bytes follow the end" : nullptr;
  }

  const char* piece(std::uint8_t kind, std::string_view body) {
    if (kind == static_cast<std::uint8_t>(piece_kind::end)) {
      const auto totals = read_end(body);
      ended_ = true;
      return totals && *totals == facts_.totals ? nullptr
                                                : "its counts differ from those at its end";
    }
    if (kind != static_cast<std::uint8_t>(piece_kind::chunk))
      return "a piece is of an unknown kind";
    const auto runs = read_chunk(body);
    if (!runs)
      return "the columns of a chunk do not agree";
    if (runs->front().seq_first <= facts_.seq_last)
      return "its chunks are not in order";
    auto times = runs->front().block.time_range_us();
    for (const auto& run : *runs) {
      const auto [first, last] = run.block.time_range_us();
      times = {std::min(times.first, first), std::max(times.second, last)};
      facts_.totals.frames += run.block.size();
    }
    note(facts_, runs->front().seq_first, runs->back().seq_first + runs->back().block.size() - 1,
         times);
    enough_ = !take_(facts_.head, *runs);
    return nullptr;
  }

  archive_facts& facts_;
  const taker& take_;
  std::string waiting_;
  bool headed_ = false;
  bool ended_ = false;
  bool enough_ = false;
};

} // namespace

result<archive_facts>
read_archive(const std::string& path,
             const std::function<bool(const archive_head&, const std::vector<frame_run>&)>& take) {
  const file_handle file{std::fopen(path.c_str(), "rbe")};
  if (file == nullptr)
    return no_disk(path);
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> unpacker{ZSTD_createDCtx(),
                                                                         ZSTD_freeDCtx};
  if (unpacker == nullptr)
    return failure{errc::retry_later, path + ": no memory for zstd"};
  ZSTD_DCtx_setParameter(unpacker.get(), ZSTD_d_windowLogMax, window_log);
  archive_facts facts;
  archive_parser parser{facts, take};
  sha256_sum sum;
  std::string packed(ZSTD_DStreamInSize(), '\0');
  std::string plain(ZSTD_DStreamOutSize(), '\0');
  std::size_t hint = 1; // 0: a zstd frame has ended
  while (!parser.enough()) {
    const auto count = std::fread(packed.data(), 1, packed.size(), file.get());
    if (count == 0)
      break;
    // zstd's own message does not help a user who named a log or a manifest.
    if (facts.bytes == 0
        && !zstd_magic.starts_with(
          std::string_view{packed}.substr(0, std::min(count, zstd_magic.size()))))
      return no_archive(path, "this is not a Furrow archive");
    sum.add({packed.data(), count});
    facts.bytes += count;
    ZSTD_inBuffer in{packed.data(), count, 0};
    for (bool full = true; (in.pos < in.size || full) && !parser.enough();) {
      if (hint == 0 && in.pos < in.size && parser.ended())
        return no_archive(path, "bytes follow the end");
      ZSTD_outBuffer to{plain.data(), plain.size(), 0};
      hint = ZSTD_decompressStream(unpacker.get(), &to, &in);
      if (ZSTD_isError(hint) != 0)
        return no_archive(path, ZSTD_getErrorName(hint));
      full = to.pos == to.size;
      if (const auto* wrong = parser.feed({plain.data(), to.pos}))
        return no_archive(path, wrong);
    }
  }
  if (std::ferror(file.get()) != 0)
    return no_disk(path);
  if (!parser.enough() && (!parser.ended() || hint != 0))
    return no_archive(path, "it was cut off");
  facts.sha256 = sum.hex();
  return facts;
}

} // namespace furrow::storage
