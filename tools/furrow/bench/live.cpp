// Frames go to the standard input of furrow-edge at a steady rate. First a client of the live stream watches the machine;
// then the live view of the node is asked over HTTP all the time how many frames it has.
#include "tools/furrow/bench/benches.hpp"
#include "tools/furrow/bench/stream_viewers.hpp"
#include "tools/furrow/client.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

namespace furrow::cli::bench {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto connect_patience = 30s;
constexpr auto rest_patience = 30s;
constexpr auto between_looks = 1ms;
constexpr auto between_rare_looks = 20ms;
constexpr auto interest_spreads = 500ms; // from a client to the gateway
constexpr auto fleet_settles = 5s;       // after many machines have connected

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

std::size_t frames_of(const live_plan& plan) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(plan.rate * plan.seconds));
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

/// Node, gateway and the machines that nobody watches.
struct live_rig {
  const scratch folder;
  const frame_pipe pipe;
  std::optional<running_node> node;
  std::optional<child> edge;
  std::optional<child> others;
  std::uint64_t written = 0; // frames so far

  result<done> start(const std::string& database, std::uint32_t other_machines);
  result<done> await_first(const node_client& client);
};

result<done> live_rig::start(const std::string& database, std::uint32_t other_machines) {
  const auto edge_program = program_beside("furrow-edge");
  const auto sim_program = program_beside("furrow-sim");
  if (!edge_program || !sim_program)
    return edge_program ? sim_program.error() : edge_program.error();
  auto started = running_node::start(database, {}, folder);
  if (!started)
    return started.error();
  node.emplace(std::move(*started));
  std::signal(SIGPIPE, SIG_IGN); // a gateway that ends is noticed by the write that fails
  auto gateway = child::start({*edge_program, "run", "--node", node->address(), "--equipment", "T1",
                               "--spool", folder.file("live.spool"), "--from", "-"},
                              folder.file("edge.log"), {}, pipe.input());
  if (!gateway)
    return gateway.error();
  edge.emplace(std::move(*gateway));
  if (other_machines == 0)
    return done{};
  auto fleet =
    child::start({*sim_program, "run", "--node", node->address(), "--machines",
                  std::to_string(other_machines), "--rate", "100", "--seconds", "100000"},
                 folder.file("others.log"));
  if (!fleet)
    return fleet.error();
  others.emplace(std::move(*fleet));
  return done{};
}

/// Connecting is not part of what is measured: the first frame waits for it.
result<done> live_rig::await_first(const node_client& client) {
  if (!pipe.write(0))
    return failure{errc::failed, "furrow-edge does not read: " + edge->last_line()};
  written = 1;
  const auto begun = clock::now();
  while (frames_shown(client) == 0) {
    if (clock::now() - begun > connect_patience)
      return failure{errc::timed_out, "no frame arrives at the node: " + edge->last_line()};
    std::this_thread::sleep_for(between_looks);
  }
  if (others)
    std::this_thread::sleep_for(fleet_settles);
  return done{};
}

/// A client of the live stream that watches the machine while frames come.
result<json> measure_stream(live_rig& rig, const live_plan& plan, const node_client& client) {
  stream_viewers watcher{1, rig.node->http_url(), "T1"};
  std::this_thread::sleep_for(interest_spreads);
  std::vector<clock::time_point> sent(frames_of(plan));
  std::atomic<std::uint64_t> written = 0;
  write_frames(rig.pipe, plan.rate, sent, written);
  const auto first = rig.written + 1; // items are numbered from 1
  rig.written += written;
  const auto until = clock::now() + rest_patience;
  while (frames_shown(client) < rig.written && clock::now() < until && !rig.edge->ended())
    std::this_thread::sleep_for(between_rare_looks);
  std::this_thread::sleep_for(interest_spreads); // the client has the last ones
  watcher.stop();
  const auto file = rig.folder.file("sent");
  {
    std::ofstream out{file};
    for (std::size_t i = 0; i < sent.size(); ++i)
      out
        << first + i << ' '
        << std::chrono::duration_cast<std::chrono::microseconds>(sent[i].time_since_epoch()).count()
        << '\n';
  }
  auto shown = watcher.figures(file).at("shown_ms");
  if (shown.at("count") != sent.size())
    return failure{errc::failed,
                   fmt::format("the live stream has {} of {} frames: {}", shown.at("count").dump(),
                               sent.size(), rig.edge->last_line())};
  shown.erase("count");
  return shown;
}

struct http_figures {
  std::vector<double> waits_ms;
  std::vector<double> looks_ms;
};

/// HTTP is asked again and again while frames come.
result<http_figures>
measure_http(live_rig& rig, const live_plan& plan, const node_client& client, progress& progress) {
  std::vector<clock::time_point> sent(frames_of(plan));
  std::atomic<std::uint64_t> written = 0;
  std::jthread writer{[&] { write_frames(rig.pipe, plan.rate, sent, written); }};
  http_figures made;
  made.waits_ms.reserve(sent.size());
  const auto until =
    clock::now() + rest_patience
    + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(plan.seconds));
  while (made.waits_ms.size() < sent.size() && clock::now() < until && !rig.edge->ended()) {
    const auto asked = clock::now();
    const auto shown = frames_shown(client);
    const auto now = clock::now();
    made.looks_ms.push_back(ms_of(now - asked));
    const auto seen =
      std::min<std::uint64_t>(shown > rig.written ? shown - rig.written : 0, written);
    while (made.waits_ms.size() < seen)
      made.waits_ms.push_back(ms_of(now - sent[made.waits_ms.size()]));
    progress.say(fmt::format("live: {} of {} frames", made.waits_ms.size(), sent.size()));
    std::this_thread::sleep_for(between_looks);
  }
  writer.join();
  if (made.waits_ms.size() < sent.size())
    return failure{errc::failed,
                   fmt::format("the live view has {} of {} frames: {}", made.waits_ms.size(),
                               sent.size(), rig.edge->last_line())};
  return made;
}

} // namespace

result<json>
bench_live(storage::bench_database& database, const live_plan& plan, progress& progress) {
  live_rig rig;
  if (auto ok = rig.start(database.url(), plan.others); !ok)
    return ok.error();
  globals where;
  where.at = rig.node->http_url();
  const auto client = node_client::from(where);
  if (!client)
    return client.error();
  if (auto ok = rig.await_first(*client); !ok)
    return ok.error();
  progress.say("live: a client of the live stream");
  auto stream = measure_stream(rig, plan, *client);
  if (!stream)
    return stream.error();
  auto http = measure_http(rig, plan, *client, progress);
  if (!http)
    return http.error();
  if (rig.others)
    (void)rig.others->end(10s);
  (void)rig.edge->end(10s);
  (void)rig.node->process().end(10s);
  return json{{"benchmark", "live"},
              {"frames", http->waits_ms.size()},
              {"frames_per_second", plan.rate},
              {"others", plan.others},
              {"stream_ms", std::move(*stream)},
              {"looks", http->looks_ms.size()},
              {"look_ms", spread_of(std::move(http->looks_ms))},
              {"shown_ms", spread_of(std::move(http->waits_ms))}};
}

} // namespace furrow::cli::bench
