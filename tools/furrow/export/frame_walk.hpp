/// The frames of a machine, run after run, read from the database page by page.
///
/// Shape: `run` gives the run with the next frames, `at` the first of them, and `pass` says up to where they were used.
/// Errors: as in exit_code.hpp.
/// Threads: one; blocks until the database answers.
/// Limits: one page of the store.
#pragma once

#include "storage/frames.hpp"
#include "tools/furrow/export/row_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace furrow::cli {

class frame_walk {
public:
  explicit frame_walk(const export_source& source);

  /// Nullptr: no frames are left. Some of a run may be outside the wanted time.
  [[nodiscard]] result<const storage::frame_run*> run();
  /// The first frame of the run that was not passed.
  [[nodiscard]] std::size_t at() const { return frame_; }
  void pass(std::size_t frames);
  /// The page of the run.
  [[nodiscard]] const storage::frames_page& page() const { return page_; }
  /// The number of pages so far.
  [[nodiscard]] std::uint64_t pages() const { return pages_; }
  [[nodiscard]] bool wanted(std::int64_t time_us) const {
    return time_us >= from_us_ && time_us <= to_us_;
  }

  [[nodiscard]] json position() const;
  void go_on(const json& position);

private:
  export_source source_;
  storage::frames_query query_;
  std::int64_t from_us_;
  std::int64_t to_us_;
  storage::frames_page page_;
  storage::frames_cursor cursor_; // where the page begins
  std::optional<storage::frames_cursor> next_{std::in_place};
  std::size_t run_ = 0;
  std::size_t frame_ = 0;
  std::uint64_t seq_ = 0; // the last one that was passed in this stream
  std::string passed_in_; // frames up to `passed_` of this stream were passed before
  std::uint64_t passed_ = 0;
  std::uint64_t pages_ = 0;
};

} // namespace furrow::cli
