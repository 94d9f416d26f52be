#include "tools/furrow/export/frame_walk.hpp"

#include "tools/furrow/database/direct.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace furrow::cli {

frame_walk::frame_walk(const export_source& source)
  : source_{source}, query_{source.farm, source.equipment, source.from_us, source.to_us},
    from_us_{source.from_us.value_or(std::numeric_limits<std::int64_t>::min())},
    to_us_{source.to_us.value_or(std::numeric_limits<std::int64_t>::max())} {}

result<const storage::frame_run*> frame_walk::run() {
  while (true) {
    for (; run_ < page_.runs.size(); ++run_, frame_ = 0) {
      const auto& run = page_.runs[run_];
      if (passed_ >= run.seq_first && can::to_string(page_.stream_id) == passed_in_)
        frame_ = std::max<std::size_t>(frame_, passed_ - run.seq_first + 1);
      if (frame_ < run.block.size())
        return &run;
    }
    if (!next_)
      return nullptr;
    cursor_ = *next_;
    auto page = wait_for<storage::frames_page>(
      [&](auto done) { source_.store.frames()->read_frames(query_, cursor_, std::move(done)); },
      source_.url, source_.timeout);
    if (!page)
      return page.error();
    if (page->stream_id != page_.stream_id)
      seq_ = 0;
    page_ = std::move(*page);
    next_ = page_.next;
    run_ = frame_ = 0;
    ++pages_;
  }
}

void frame_walk::pass(std::size_t frames) {
  frame_ = frames;
  if (frames > 0)
    seq_ = page_.runs[run_].seq_first + frames - 1;
}

json frame_walk::position() const {
  return {{"stream", cursor_.stream},
          {"after", cursor_.seq},
          {"stream_id", can::to_string(page_.stream_id)},
          {"seq", seq_}};
}

void frame_walk::go_on(const json& position) {
  next_ = {position.at("stream").get<std::int32_t>(), position.at("after").get<std::uint64_t>()};
  passed_in_ = position.at("stream_id").get<std::string>();
  passed_ = seq_ = position.at("seq").get<std::uint64_t>();
}

} // namespace furrow::cli
