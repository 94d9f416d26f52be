/// Brings frames back from an archive into a database, under their farm, machine, stream and numbers, each exactly once.
///
/// Shape: one piece of a stream a call, each a transaction of its own: what is stored stays, and is known and compared when
///   it comes again. What was noted as let go by retention counts as stored afterwards.
/// Errors: reject_row when the piece may not come back (return_plan.hpp), with nothing of it stored; misconfigured when
///   retention would take it away again; retry_later when the database is away, or retention or a sealer is at this stream;
///   in_doubt when the answer to a commit was lost: the same call again learns it.
/// Threads: one; blocks its caller.
/// Limits: a piece is at most what a sealed chunk is.
/// Source: docs/decisions/0014-archives-come-back.md.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::storage {

struct frames_owner {
  std::string farm; // made if it does not exist, as the rest
  std::string equipment;
  can::stream_id stream_id{};
  std::vector<can::bus_name> buses;
};

struct return_outcome {
  std::uint64_t stored = 0;
  std::uint64_t known = 0; // were there, and are the same
  std::uint64_t noted = 0; // numbers that no archive has brought yet, noted as let go
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
  /// The farm that has this stream of a machine of this name; empty: none has, or several have.
  [[nodiscard]] virtual result<std::string> farm_of(const std::string& equipment,
                                                    const can::stream_id& stream) = 0;

protected:
  frame_return() = default;
};

[[nodiscard]] result<std::unique_ptr<frame_return>>
open_postgres_return(const store_options& options);
[[nodiscard]] result<std::unique_ptr<frame_return>>
open_sqlite_return(const std::string& path, const store_options& options);

/// Says that retention of the farm would take frames of `time_us` away again.
[[nodiscard]] failure would_go_again(const std::string& farm, std::int64_t keep_days);
[[nodiscard]] std::int64_t latest_us(const std::vector<frame_run>& runs);

} // namespace furrow::storage
