/// Imports frames from an archive into a database, under their farm, machine, stream and numbers, each exactly once.
///
/// Shape: a call imports one piece of a stream in its own transaction. A stored piece stays. When it comes again it is
///   recognised and compared. Numbers that the ledger counted as expired count as stored afterwards.
/// Errors: reject_row when the piece may not come back (import_plan.hpp); nothing of it is stored. misconfigured when
///   retention would delete it again. retry_later when the database is away, or retention or a sealer works on this
///   stream. in_doubt when the answer to a commit was lost: repeat the call to learn.
/// Threads: one; blocks its caller.
/// Limits: a piece is at most as large as a sealed chunk.
/// Source: docs/decisions/0014-archives-come-back.md.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::storage {

struct frames_owner {
  std::string farm; // created if it does not exist, as are machine and stream
  std::string equipment;
  can::stream_id stream_id{};
  std::vector<can::bus_name> buses;
};

struct return_outcome {
  std::uint64_t stored = 0;
  std::uint64_t known = 0; // were stored already, and are equal
  std::uint64_t noted = 0; // numbers that no archive has brought yet, recorded as expired
};

class frame_return {
public:
  [[nodiscard]] static result<std::unique_ptr<frame_return>> open(const store_options& options);
  frame_return(const frame_return&) = delete;
  frame_return& operator=(const frame_return&) = delete;
  virtual ~frame_return() = default;

  /// Runs in order of seq, without overlap, not empty.
  [[nodiscard]] virtual result<return_outcome> put(const frames_owner& owner,
                                                   const std::vector<frame_run>& runs) = 0;
  /// The farm that has this stream under a machine of this name; empty: no farm, or several.
  [[nodiscard]] virtual result<std::string> farm_of(const std::string& equipment,
                                                    const can::stream_id& stream) = 0;

protected:
  frame_return() = default;
};

[[nodiscard]] result<std::unique_ptr<frame_return>>
open_postgres_return(const store_options& options);
[[nodiscard]] result<std::unique_ptr<frame_return>>
open_sqlite_return(const std::string& path, const store_options& options);

/// Says that the farm's retention would delete frames of `time_us` again.
[[nodiscard]] failure would_go_again(const std::string& farm, std::int64_t keep_days);
[[nodiscard]] std::int64_t latest_us(const std::vector<frame_run>& runs);

} // namespace furrow::storage
