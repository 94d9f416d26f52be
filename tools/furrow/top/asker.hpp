/// Asks a node for the lists of `furrow top`, in turn or on a thread of its own.
///
/// Errors: a list that cannot be had is noted in the figures; an error when no list can be had.
/// Threads: `top_asker` has one of its own, which its destructor ends within a moment.
/// Limits: one request at a time.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/top/figures.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace furrow::cli {

/// Asks for every list once.
[[nodiscard]] result<done> ask_lists(const node_client& client, top_figures& into);

class top_asker {
public:
  top_asker(const node_client& client, std::chrono::milliseconds every);
  ~top_asker();
  top_asker(const top_asker&) = delete;
  top_asker& operator=(const top_asker&) = delete;

  struct news {
    std::vector<top_pane> panes; // empty: nothing was answered yet
    std::string fault;           // why the last round failed
    std::string time;            // of day, of the last round that was answered
  };
  /// Whether there is something new since the last call, and what.
  [[nodiscard]] bool take(news& out);

private:
  void run();

  node_client client_;
  std::chrono::milliseconds every_;
  std::atomic<bool> stops_{false};
  std::mutex mutex_;
  news news_;
  bool is_new_ = false;
  std::thread thread_; // last: the rest outlives it
};

} // namespace furrow::cli
