/// Texts with raw frames that wait for one client: the oldest are dropped when it is slow.
///
/// Threads: a plain value; the hub has the mutex.
/// Limits: the bytes that the caller of `push` allows; at least the newest text is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace furrow::http {

using shared_text = std::shared_ptr<const std::string>;

class frame_queue {
public:
  void push(shared_text text, std::uint64_t frames, std::size_t bytes_max) {
    bytes_ += text->size();
    waiting_.push_back({std::move(text), frames});
    while (bytes_ > bytes_max && waiting_.size() > 1)
      drop_oldest();
  }
  /// nullptr: none waits.
  [[nodiscard]] shared_text pop() {
    if (waiting_.empty())
      return nullptr;
    auto text = std::move(waiting_.front().text);
    bytes_ -= text->size();
    waiting_.pop_front();
    return text;
  }
  void note_dropped(std::uint64_t frames) { dropped_ += frames; }
  /// Frames that were dropped since the last call.
  [[nodiscard]] std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }
  void clear() {
    waiting_.clear();
    bytes_ = 0;
    dropped_ = 0;
  }
  [[nodiscard]] bool empty() const { return waiting_.empty() && dropped_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
  struct item {
    shared_text text;
    std::uint64_t frames = 0;
  };
  void drop_oldest() {
    bytes_ -= waiting_.front().text->size();
    dropped_ += waiting_.front().frames;
    waiting_.pop_front();
  }

  std::deque<item> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

} // namespace furrow::http
