#include "tools/furrow/top/asker.hpp"

#include "tools/furrow/interrupt.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <utility>

namespace furrow::cli {

namespace {

using ask_clock = std::chrono::steady_clock;

std::string ask_time_of_day() {
  return fmt::format("{:%H:%M:%S}", fmt::localtime(std::time(nullptr)));
}

std::string target_of(const std::string& list) {
  return "/api/v1/" + list;
}

} // namespace

result<done> ask_lists(const node_client& client, top_figures& into) {
  std::optional<failure> first;
  bool answered = false;
  for (const std::string list : top_lists) {
    auto answer = client.get(target_of(list));
    const std::chrono::duration<double> at = ask_clock::now().time_since_epoch();
    if (answer) {
      answered = true;
      into.take(list, std::move(*answer), at.count());
      continue;
    }
    into.miss(list, answer.error().detail);
    if (!first)
      first = answer.error();
    const bool away =
      answer.error().code == errc::cannot_connect || answer.error().code == errc::timed_out;
    if (away || interrupted())
      return answer.error(); // the other lists would wait as long
  }
  return answered ? result<done>{done{}} : *first;
}

top_asker::top_asker(const node_client& client, std::chrono::milliseconds every)
  : client_{client}, every_{every} {
  client_.stop_when([this] { return stops_.load(); });
  thread_ = std::thread{[this] { run(); }};
}

top_asker::~top_asker() {
  stops_ = true;
  thread_.join();
}

void top_asker::run() {
  top_figures figures;
  while (!stops_) {
    const auto next = ask_clock::now() + every_;
    std::string fault;
    // An answer that this program does not understand is a fault of the round.
    try {
      const auto asked = ask_lists(client_, figures);
      fault = asked ? std::string{} : asked.error().detail;
      auto panes = figures.panes();
      const std::lock_guard lock{mutex_};
      news_.panes = std::move(panes);
      if (fault.empty())
        news_.time = ask_time_of_day();
      news_.fault = std::move(fault);
      is_new_ = true;
    } catch (const nlohmann::json::exception& error) {
      const std::lock_guard lock{mutex_};
      news_.fault = fmt::format("the node's answer is not understood: {} (do both have the same "
                                "version?)",
                                error.what());
      is_new_ = true;
    }
    while (!stops_ && ask_clock::now() < next)
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

bool top_asker::take(news& out) {
  const std::lock_guard lock{mutex_};
  if (!std::exchange(is_new_, false))
    return false;
  out = news_;
  return true;
}

} // namespace furrow::cli
