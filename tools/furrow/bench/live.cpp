// Frames go to the standard input of furrow-edge at a steady rate; the live view of the node is asked over HTTP all the
// time how many frames it has.
#include "tools/furrow/bench/benches.hpp"
#include "tools/furrow/client.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <thread>

namespace furrow::cli::bench {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto connect_patience = 30s;
constexpr auto rest_patience = 30s;
constexpr auto between_looks = 1ms;

/// The end of a pipe at which a gateway reads.
class frame_pipe {
public:
  frame_pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0)
      ends_[0] = ends_[1] = -1;
  }
  frame_pipe(const frame_pipe&) = delete;
  frame_pipe& operator=(const frame_pipe&) = delete;
  ~frame_pipe() {
    for (const int end : ends_)
      if (end >= 0)
        ::close(end);
  }
  [[nodiscard]] int input() const { return ends_[0]; }
  /// Writes the frame with this number, stamped with the time of now; false if the gateway has ended.
  [[nodiscard]] bool write(std::uint64_t number) const {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    const auto line =
      fmt::format("({}.{:06}) can0 0CF00400#{:016X}\n", us / 1'000'000, us % 1'000'000, number);
    return ::write(ends_[1], line.data(), line.size()) == static_cast<ssize_t>(line.size());
  }

private:
  int ends_[2];
};

/// How many frames of the machine the live view has; none while it does not know the machine.
std::uint64_t frames_shown(const node_client& client) {
  const auto answer = client.get("/api/v1/equipment/T1");
  if (!answer || !answer->contains("frames") || !answer->at("frames").is_number())
    return 0;
  return answer->at("frames").get<std::uint64_t>();
}

/// Writes `sent.size()` frames at a steady rate, and keeps the time at which each was written.
void write_frames(const frame_pipe& pipe,
                  double rate,
                  std::vector<clock::time_point>& sent,
                  std::atomic<std::uint64_t>& written) {
  const auto begun = clock::now();
  for (std::size_t i = 0; i < sent.size(); ++i) {
    std::this_thread::sleep_until(begun
                                  + std::chrono::duration_cast<clock::duration>(
                                    std::chrono::duration<double>(static_cast<double>(i) / rate)));
    sent[i] = clock::now();
    if (!pipe.write(i + 1))
      break;
    written = i + 1;
  }
}

double ms_of(clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

json spread_of(std::vector<double> all) {
  if (all.empty())
    return nullptr;
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) {
    const auto last = static_cast<double>(all.size() - 1);
    return std::round(all[static_cast<std::size_t>(last * share)] * 10) / 10;
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", at(1)}};
}

} // namespace

result<json>
bench_live(storage::bench_database& database, const live_plan& plan, progress& progress) {
  const scratch folder;
  const frame_pipe pipe;
  const auto program = program_beside("furrow-edge");
  if (!program)
    return program.error();
  auto node = running_node::start(database.url(), {}, folder);
  if (!node)
    return node.error();
  globals where;
  where.at = node->http_url();
  const auto client = node_client::from(where);
  if (!client)
    return client.error();
  std::signal(SIGPIPE, SIG_IGN); // a gateway that ends is noticed by the write that fails
  auto edge = child::start({*program, "run", "--node", node->address(), "--equipment", "T1",
                            "--spool", folder.file("live.spool"), "--from", "-"},
                           folder.file("edge.log"), {}, pipe.input());
  if (!edge)
    return edge.error();

  // Connecting is not part of what is measured: the first frame waits for it.
  if (!pipe.write(0))
    return failure{errc::failed, "furrow-edge does not read: " + edge->last_line()};
  const auto begun = clock::now();
  while (frames_shown(*client) == 0) {
    if (clock::now() - begun > connect_patience)
      return failure{errc::timed_out, "no frame arrives at the node: " + edge->last_line()};
    std::this_thread::sleep_for(between_looks);
  }

  std::vector<clock::time_point> sent(
    std::max<std::size_t>(1, static_cast<std::size_t>(plan.rate * plan.seconds)));
  std::atomic<std::uint64_t> written = 0;
  std::jthread writer{[&] { write_frames(pipe, plan.rate, sent, written); }};
  std::vector<double> waits_ms;
  std::vector<double> looks_ms;
  waits_ms.reserve(sent.size());
  const auto until =
    clock::now() + rest_patience
    + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(plan.seconds));
  while (waits_ms.size() < sent.size() && clock::now() < until && !edge->ended()) {
    const auto asked = clock::now();
    const auto shown = frames_shown(*client);
    const auto now = clock::now();
    looks_ms.push_back(ms_of(now - asked));
    const auto seen = std::min<std::uint64_t>(shown > 0 ? shown - 1 : 0, written);
    while (waits_ms.size() < seen)
      waits_ms.push_back(ms_of(now - sent[waits_ms.size()]));
    progress.say(fmt::format("live: {} of {} frames", waits_ms.size(), sent.size()));
    std::this_thread::sleep_for(between_looks);
  }
  writer.join();
  if (waits_ms.size() < sent.size())
    return failure{errc::failed, fmt::format("the live view has {} of {} frames: {}",
                                             waits_ms.size(), sent.size(), edge->last_line())};
  (void)edge->end(10s);
  (void)node->process().end(10s);
  return json{{"benchmark", "live"},
              {"frames", sent.size()},
              {"frames_per_second", plan.rate},
              {"looks", looks_ms.size()},
              {"look_ms", spread_of(std::move(looks_ms))},
              {"shown_ms", spread_of(std::move(waits_ms))}};
}

} // namespace furrow::cli::bench
