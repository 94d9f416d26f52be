/// Steps for tests of sealed frames: real logs as streams, sealing, and one digest of a machine's
/// frames.
#pragma once

#include "storage/sealing.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace furrow::tests {

/// The frames of a log, in blocks as an intake makes them.
[[nodiscard]] std::vector<can::frame_block> blocks_of_log(const std::filesystem::path& path);

/// Appends blocks to stream `number` of this machine; answers the stream's last number.
std::uint64_t append_blocks(storage::store& store,
                            const std::string& equipment,
                            unsigned number,
                            const std::vector<can::frame_block>& blocks);

/// Seals everything that is due; with `due_after` 0 that is everything.
[[nodiscard]] storage::result<storage::seal_outcome>
seal(storage::store& store, storage::seal_request request = {.due_after = {}});

/// A digest of all rows that furrow.frames gives, in order of seq.
[[nodiscard]] std::string
frames_digest(postgres_bed& bed, const std::string& equipment, const std::string& filter = {});

/// The same frames with their numbers, for any division into blocks.
void check_same_runs(const std::vector<storage::frame_run>& left,
                     const std::vector<storage::frame_run>& right);

/// Blocks of T1, the first half of them sealed.
void append_half_sealed(storage::store& store, const std::vector<can::frame_block>& blocks);

} // namespace furrow::tests
