#include "tools/furrowd/api/bodies/frames_body.hpp"

#include "storage/frames.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <map>
#include <utility>

namespace furrow::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t piece_bytes = 64U << 10U;
constexpr std::chrono::seconds page_limit{30};
constexpr int page_tries = 5;
constexpr std::chrono::milliseconds first_pause{200}; // doubles: 3 s in all

class frames_body : public body_source {
public:
  frames_body(storage::store& store, frames_request wanted)
    : store_{store}, wanted_{std::move(wanted)}, form_{wanted_.format, wanted_.names} {}

  /// Reads the page at the cursor; a problem when the page cannot be read.
  asio::awaitable<std::optional<problem>> load(storage::frames_cursor cursor) {
    for (int attempt = 1;; ++attempt) {
      const auto start = [&](storage::handler<storage::frames_page> done) {
        store_.frames()->read_frames(wanted_.query, cursor, std::move(done));
      };
      auto answer = co_await ask<storage::result<storage::frames_page>>(start, page_limit);
      if (answer && *answer) {
        begin(std::move(**answer));
        co_return std::nullopt;
      }
      const bool away = !answer || answer->code() == storage::errc::retry_later;
      // The first page is not retried: its client can get the error at once.
      if (!started_ || !away || attempt == page_tries)
        co_return answer ? to_problem(answer->error()) : no_answer("database");
      const auto executor = co_await asio::this_coro::executor;
      asio::steady_timer pause{executor, first_pause * (1 << attempt)};
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  asio::awaitable<body_piece> next() override {
    text_.clear();
    if (!std::exchange(begun_, true))
      form_.begin(text_);
    while (true) {
      render();
      if (run_ == page_.runs.size() && !page_.next && !std::exchange(finished_, true))
        form_.finish(text_);
      if (!text_.empty() || (run_ == page_.runs.size() && !page_.next))
        co_return body_piece{text_, false};
      if (run_ < page_.runs.size())
        continue;
      const auto wrong = co_await load(*page_.next);
      if (wrong)
        co_return body_piece{{}, true};
    }
  }

private:
  void begin(storage::frames_page page) {
    page_ = std::move(page);
    run_ = 0;
    frame_ = 0;
    started_ = true;
    names_.clear();
    for (const auto& bus : page_.buses)
      names_[bus.bus] = form_.written(bus.name);
  }

  const std::string& bus_name(std::uint8_t bus) {
    const auto known = names_.find(bus);
    // The store knows the name of every bus. If one is missing, the frame is shown with a made-up name.
    return known != names_.end()
             ? known->second
             : names_.emplace(bus, form_.written(fmt::format("can{}", bus))).first->second;
  }

  /// One piece of text, or less when the page ends.
  void render() {
    const auto from = wanted_.query.from_us.value_or(std::numeric_limits<std::int64_t>::min());
    const auto to = wanted_.query.to_us.value_or(std::numeric_limits<std::int64_t>::max());
    for (; run_ < page_.runs.size(); ++run_, frame_ = 0) {
      const auto& run = page_.runs[run_];
      for (; frame_ < run.block.size(); ++frame_) {
        if (text_.size() >= piece_bytes)
          return;
        const auto frame = run.block[frame_];
        if (frame.time_us < from || frame.time_us > to || !wanted_.filter.takes(frame.header))
          continue;
        form_.append(text_, frame, run.seq_first + frame_, bus_name(frame.header.bus()));
      }
    }
  }

  storage::store& store_;
  const frames_request wanted_;
  frame_text form_;
  storage::frames_page page_;
  std::size_t run_ = 0;
  std::size_t frame_ = 0;
  bool started_ = false;
  bool begun_ = false;
  bool finished_ = false;
  std::map<std::uint8_t, std::string> names_;
  std::string text_;
};

} // namespace

asio::awaitable<std::variant<std::unique_ptr<body_source>, problem>>
open_frames(storage::store& store, frames_request wanted) {
  if (store.frames() == nullptr)
    co_return problem{501, "not_kept", "this node's database keeps no frames", ""};
  auto body = std::make_unique<frames_body>(store, std::move(wanted));
  auto wrong = co_await body->load({});
  if (wrong)
    co_return std::move(*wrong);
  co_return std::unique_ptr<body_source>{std::move(body)};
}

} // namespace furrow::http
