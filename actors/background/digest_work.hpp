/// One run of the digest: turns a page of a stream's frames into the rows to commit.
///
/// Shape: signals have the numbers of the plan until `know` sets the numbers of the database.
/// Errors: state that another version saved is dropped. The run reports this and starts without it.
/// Threads: a plain value.
/// Limits: about `rows_max` rollup rows a commit: the run ends after the block that exceeds it.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "actors/live/dbc_board.hpp"
#include "actors/live/wall_clock.hpp"
#include "can/live/stream_digest.hpp"
#include "storage/digest_store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
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
  static constexpr std::size_t process_signals_max = 65'536;
  static constexpr std::size_t own_max = 256;

  /// `wall_us` gives the time of day, with which the times of frames are compared.
  digest_work(digest_catalogue catalogue,
              can::telemetry_settings settings,
              std::int64_t (*wall_us)() = wall_clock_us)
    : catalogue_{std::move(catalogue)}, settings_{settings}, wall_us_{wall_us} {}

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

  /// Whether the numbers of the signals of people's own files are known; nullptr has none.
  [[nodiscard]] bool knows(const std::shared_ptr<const own_definitions>& own) const;
  void know(const std::shared_ptr<const own_definitions>& own,
            std::vector<std::int32_t> signal_ids);

  /// `own`: what people's own files define for the machine, or nullptr.
  [[nodiscard]] run take(const storage::digest_stream& stream,
                         const storage::digest_page& page,
                         const std::shared_ptr<const own_definitions>& own = nullptr);

  /// Signals of process data in these commits that the database has not yet given numbers.
  [[nodiscard]] std::vector<storage::digest_signal> unknown(const storage::digest_batch& commits);
  /// The numbers of what `unknown` returned last.
  void know_process(const std::vector<std::int32_t>& signal_ids);
  /// Gives the signals of process data their numbers of the database. Nothing may be unknown.
  void number(storage::digest_batch& commits) const;

private:
  struct known_own {
    std::vector<std::int32_t> ids; // by the own plan's numbers
    std::vector<bool> hides;       // by the catalogue's: a signal of the same name
  };

  digest_catalogue catalogue_;
  can::telemetry_settings settings_;
  std::int64_t (*wall_us_)();
  std::vector<std::int32_t> ids_;
  std::unordered_map<std::uint32_t, std::int32_t> process_ids_; // by can::number_of(process_key)
  std::vector<std::uint32_t> asked_;                            // what `unknown` returned last
  std::map<std::shared_ptr<const own_definitions>, known_own> own_;
};

} // namespace furrow::actors
