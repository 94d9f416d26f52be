/// One run of the digest: a page of a stream's frames becomes what is to be committed.
///
/// Shape: signals carry the plan's numbers until `know` has told those of the database.
/// Errors: state of another version is not gone on with; the run then says so and begins anew.
/// Threads: a plain value.
/// Limits: `rows_max` rollup rows a commit, by ending the run at the block that passed it.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/stream_digest.hpp"
#include "storage/digest_lane.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::actors {

/// The messages that Furrow ships, compiled once.
[[nodiscard]] std::shared_ptr<const can::decode_plan> catalogue_plan();

class digest_work {
public:
  static constexpr std::size_t rows_max = 20'000;

  digest_work(std::shared_ptr<const can::decode_plan> plan, can::telemetry_settings settings)
    : plan_{std::move(plan)}, settings_{settings} {}

  struct run {
    storage::digest_commit commit;
    std::uint64_t frames = 0;
    bool understood = true; // the state that the stream came with
  };

  /// Message.Signal of each signal of the plan.
  [[nodiscard]] std::vector<std::string> signal_names() const;
  void know(std::vector<std::int32_t> signal_ids) { ids_ = std::move(signal_ids); }
  [[nodiscard]] bool knows() const { return !ids_.empty(); }

  [[nodiscard]] run take(const storage::digest_stream& stream, const storage::digest_page& page);

private:
  std::shared_ptr<const can::decode_plan> plan_;
  can::telemetry_settings settings_;
  std::vector<std::int32_t> ids_;
};

} // namespace furrow::actors
