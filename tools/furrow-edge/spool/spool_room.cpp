// A spool on a disk that is nearly full: what may still be written, and how room is made again.
#include "tools/furrow-edge/spool/spool.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::uint64_t page_bytes = 4'096;
/// Room that a large append needs in the journal.
constexpr std::uint64_t append_bytes = 2U << 20U;
/// Room that the deletion of acked items needs in the journal.
constexpr std::uint64_t deletion_bytes = 256U << 10U;

/// The journal is moved into the file when it has so many pages: half of the reserve.
std::uint64_t journal_pages(const disk_room& room) {
  return std::clamp<std::uint64_t>(room.wanted() / 2 / page_bytes, 64, 1'000);
}

} // namespace

result<done> spool::limit_journal() {
  const auto pages = journal_pages(room_);
  const auto limits = "pragma wal_autocheckpoint = " + std::to_string(pages)
                      + "; pragma journal_size_limit = " + std::to_string(2 * pages * page_bytes);
  return writer_.execute(limits.c_str());
}

/// Returns how far the file must grow until it holds what is in the journal.
std::uint64_t spool::growth() {
  const auto pages = writer_.number("pragma page_count");
  const auto wanted = static_cast<std::uint64_t>(pages ? pages->value_or(0) : 0) * page_bytes;
  return wanted - std::min(wanted, disk_room::file_bytes(options_.path));
}

/// Refuses what would use up the room that is needed to delete items.
result<done> spool::admit(std::uint64_t bytes) {
  const auto kept = bytes_total_ - bytes_before_;
  if (kept > 0 && kept + bytes > bytes_max_)
    return failure{errc::full, "the spool holds " + std::to_string(kept) + " bytes, its limit is "
                                 + std::to_string(bytes_max_)};
  const auto needed = [&] { return growth() + bytes + deletion_bytes; };
  const auto fits = [&] { return needed() <= room_.held() || needed() <= room_.free_bytes() / 2; };
  if (fits())
    return done{};
  (void)writer_.execute(
    "pragma wal_checkpoint(passive)"); // what it does not do is still in `growth`
  if (fits())
    return done{};
  disk_short_ = true;
  return failure{errc::full, "the disk has only " + std::to_string(room_.free_bytes() >> 20U)
                               + " MiB left, and what is left is needed to delete items"};
}

/// Moves the journal into the file, and gives its room back. What fails now is tried again by the next `settle`.
void spool::checkpoint() {
  (void)writer_.execute("pragma wal_checkpoint(truncate)");
}

/// If this fails, the next step of `maintain` tries again. Each page that moves also changes the page that names it: in
/// all they need at most half of the reserve.
void spool::give_back_pages() {
  const auto pages = std::to_string(journal_pages(room_) / 2);
  (void)writer_.execute(("pragma incremental_vacuum(" + pages + ")").c_str());
}

/// Turns deleted items into free room on the disk, with the help of the reserve.
void spool::settle() {
  room_.release();
  checkpoint();
  const auto deleted_pages = [this] {
    const auto pages = writer_.number("pragma freelist_count");
    return pages ? pages->value_or(0) : 0;
  };
  // The reserve, and beside it room for the next append.
  for (auto left = deleted_pages();
       left > 0 && room_.free_bytes() < room_.wanted() + append_bytes;) {
    give_back_pages();
    checkpoint();
    if (const auto before = std::exchange(left, deleted_pages()); left >= before)
      break;
  }
  settled_ = true;
  room_.hold();
}

} // namespace furrow::edge
