/// One run of the digest: a page of a stream's frames becomes what is to be committed.
///
/// Shape: signals carry the plan's numbers until `know` has told those of the database.
/// Errors: state of another version is not gone on with; the run then says so and begins anew.
/// Threads: a plain value.
/// Limits: `own_max` sets of people's own files; more make room by forgetting all. `rows_max` rollup rows a commit, by ending the run at the block that passed it.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "actors/live/dbc_board.hpp"
#include "can/live/stream_digest.hpp"
#include "storage/digest_store.hpp"

#include <cstdint>
#include <map>
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
  static constexpr std::size_t own_max = 256;

  digest_work(digest_catalogue catalogue, can::telemetry_settings settings)
    : catalogue_{std::move(catalogue)}, settings_{settings} {}

  struct run {
    storage::digest_commit commit;
    std::uint64_t frames = 0;
    bool understood = true; // the state that the stream came with
  };

  [[nodiscard]] const std::vector<storage::digest_signal>& signals() const {
    return catalogue_.signals;
  }
  void know(std::vector<std::int32_t> signal_ids) { ids_ = std::move(signal_ids); }
  [[nodiscard]] bool knows() const { return !ids_.empty(); }

  /// Whether the numbers of the signals of people's own files are known; nullptr has none.
  [[nodiscard]] bool knows(const std::shared_ptr<const own_definitions>& own) const;
  void know(const std::shared_ptr<const own_definitions>& own,
            std::vector<std::int32_t> signal_ids);

  /// `own`: what people's own files define for the machine, or nullptr.
  [[nodiscard]] run take(const storage::digest_stream& stream,
                         const storage::digest_page& page,
                         const std::shared_ptr<const own_definitions>& own = nullptr);

private:
  struct known_own {
    std::vector<std::int32_t> ids; // by the own plan's numbers
    std::vector<bool> hides;       // by the catalogue's: a signal of the same name
  };

  digest_catalogue catalogue_;
  can::telemetry_settings settings_;
  std::vector<std::int32_t> ids_;
  std::map<std::shared_ptr<const own_definitions>, known_own> own_;
};

} // namespace furrow::actors
