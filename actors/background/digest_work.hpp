/// One run of the digest: a page of a stream's frames becomes what is to be committed.
///
/// Shape: rollup rows carry the digest's numbers of signals until `number` has set those of the database. `know` has told
///   them for the plan's signals. Those of process data are told when they first occur: `unknown` names them.
/// Errors: state of another version is not gone on with; the run then says so and begins anew.
/// Threads: a plain value.
/// Limits: `process_signals_max` signals of process data; further ones make room by forgetting all. `rows_max` rollup rows a commit, by ending the run at the block that passed it.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/live/stream_digest.hpp"
#include "storage/digest_store.hpp"

#include <cstdint>
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

  [[nodiscard]] run take(const storage::digest_stream& stream, const storage::digest_page& page);

  /// Signals of process data in these commits that the database has not yet given numbers.
  [[nodiscard]] std::vector<storage::digest_signal> unknown(const storage::digest_batch& commits);
  /// The numbers of what `unknown` returned last.
  void know_process(const std::vector<std::int32_t>& signal_ids);
  /// Replaces the digest's numbers of signals by those of the database. Nothing may be unknown.
  void number(storage::digest_batch& commits) const;

private:
  digest_catalogue catalogue_;
  can::telemetry_settings settings_;
  std::vector<std::int32_t> ids_;
  std::unordered_map<std::uint32_t, std::int32_t> process_ids_; // by can::number_of(process_key)
  std::vector<std::uint32_t> asked_;                            // what `unknown` returned last
};

} // namespace furrow::actors
