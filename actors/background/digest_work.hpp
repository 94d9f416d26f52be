/// One run of the digest: turns a page of a stream's frames into the rows to commit.
///
/// Shape: signals have the numbers of the plan until `know` sets the numbers of the database.
/// Errors: state that another version saved is dropped. The run reports this and starts without it.
/// Threads: a plain value.
/// Limits: about `rows_max` rollup rows a commit: the run ends after the block that exceeds it.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/live/stream_digest.hpp"
#include "storage/digest_store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::actors {

/// The messages that Furrow ships.
struct digest_catalogue {
  std::shared_ptr<const can::decode_plan> plan;
  std::vector<storage::digest_signal> signals; // by their numbers in the plan
};
[[nodiscard]] digest_catalogue read_catalogue();

class digest_work {
public:
  static constexpr std::size_t rows_max = 20'000;

  digest_work(digest_catalogue catalogue, can::telemetry_settings settings)
    : catalogue_{std::move(catalogue)}, settings_{settings} {}

  struct run {
    storage::digest_commit commit;
    std::uint64_t frames = 0;
    bool understood = true; // false: the saved state is of another version
  };

  [[nodiscard]] const std::vector<storage::digest_signal>& signals() const {
    return catalogue_.signals;
  }
  void know(std::vector<std::int32_t> signal_ids) { ids_ = std::move(signal_ids); }
  [[nodiscard]] bool knows() const { return !ids_.empty(); }

  [[nodiscard]] run take(const storage::digest_stream& stream, const storage::digest_page& page);

private:
  digest_catalogue catalogue_;
  can::telemetry_settings settings_;
  std::vector<std::int32_t> ids_;
};

} // namespace furrow::actors
