#include "tools/furrow-sim/fleet.hpp"

#include "actors/log/log.hpp"
#include "tools/furrow-edge/uplink/uplink.hpp"
#include "tools/furrow-sim/hostile_peer.hpp"
#include "tools/furrow-sim/sim_store.hpp"
#include "tools/furrow-sim/traffic.hpp"
#include "tools/process/stop_signals.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

namespace furrow::sim {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::int64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

constexpr std::size_t pools_max = 8; // further machines share the traffic of the first ones

/// One simulated gateway.
struct machine {
  template <class... Args>
  explicit machine(Args&&... args) : store{std::forward<Args>(args)...} {}

  sim_store store;
  std::unique_ptr<edge::uplink> uplink;
  std::unique_ptr<asio::steady_timer> next_cut;
  std::uint64_t made = 0;
  clock::time_point filled_at{}; // with the pace of a node
  bool finished = false;         // makes no more frames
  bool over = false;             // and waits for nothing
};

class fleet {
public:
  explicit fleet(const fleet_options& options) : options_{options}, random_{options.seed} {}

  int run() {
    if (options_.tls) {
      auto made = edge::make_tls_context(*options_.tls);
      if (!made) {
        log::error(log::sim, "sim_failed", {}, "{}", made.error().detail);
        return edge::exit_failed;
      }
      tls_ = std::move(*made);
    }
    make_machines();
    asio::signal_set signals{io_};
    for (const auto signal : stop_signals())
      signals.add(signal);
    signals.async_wait([this](const error_code& error, int /*signal*/) {
      if (!error)
        finish(edge::exit_ok, "stopped");
    });
    if (options_.timeout)
      after(timeout_, *options_.timeout, [this] { time_out(); });
    if (options_.bad_bytes) {
      hostile_.emplace(io_, options_.nodes.front(), options_.seed + 1);
      hostile_->start();
    }
    started_at_ = clock::now();
    for (auto& one : machines_)
      one->uplink->start();
    begin();
    io_.run();
    ended_at_ = clock::now();
    for (auto& one : machines_)
      one->uplink->close();
    report();
    if (!options_.probe.empty() && !write_probe()) {
      log::error(log::sim, "sim_failed", {}, "cannot write {}", options_.probe);
      return edge::exit_failed;
    }
    return exit_;
  }

private:
  void make_machines() {
    const double rate = options_.rate > 0 ? options_.rate : traffic::rate_usual;
    const auto longest = options_.follows_pace ? pace_usual : options_.flush_interval;
    const auto a_flush = options_.rate * std::chrono::duration<double>(longest).count();
    const auto a_block =
      options_.rate > 0
        ? std::clamp<std::size_t>(static_cast<std::size_t>(a_flush), 1, options_.block_frames)
        : options_.block_frames;
    const auto pools = options_.at_work ? 0 : std::min<std::size_t>(pools_max, options_.machines);
    for (std::size_t i = 0; i < pools; ++i)
      pools_.push_back(
        std::make_unique<block_pool>(options_.seed + i, rate, a_block, options_.ids));
    // Frames that are sent at once end now: nobody has frames of the future.
    const auto before_s =
      options_.rate > 0 ? options_.since_s : static_cast<double>(options_.frames) / rate;
    const auto start_us = wall_clock_us() - static_cast<std::int64_t>(before_s * 1e6);
    // Stream ids must differ from those of another run with the same seed.
    std::random_device device;
    const auto run_seed = std::uint64_t{device()} << 32U | device();
    for (std::uint32_t i = 0; i < options_.machines; ++i) {
      if (options_.at_work)
        machines_.push_back(std::make_unique<machine>(
          std::make_unique<work_source>(field_of(i), options_.seed + i, rate, start_us),
          run_seed + i, options_.window_frames, latency_));
      else
        machines_.push_back(std::make_unique<machine>(*pools_[i % pools_.size()], run_seed + i,
                                                      options_.window_frames, start_us, latency_));
      connect(*machines_.back(), i);
    }
    if (!options_.probe.empty())
      machines_.front()->store.note_sendings();
  }

  void connect(machine& one, std::uint32_t number) {
    edge::uplink_config config;
    char name[32];
    (void)std::snprintf(name, sizeof name, "%04" PRIu32, number + 1);
    config.equipment = options_.prefix + name;
    config.token = options_.token;
    config.software = "furrow-sim";
    config.nodes = options_.nodes;
    std::rotate(config.nodes.begin(),
                config.nodes.begin() + static_cast<std::ptrdiff_t>(number % config.nodes.size()),
                config.nodes.end());
    config.seed = random_();
    if (!options_.follows_pace)
      config.interval = milliseconds{0};
    edge::uplink::events on;
    on.note = [this, equipment = config.equipment](const edge::uplink_action::note& note) {
      // A large fleet does not log what every machine says in normal operation. Lines that are cut on purpose are not
      // logged either.
      const bool quiet =
        options_.disconnect_every_s > 0 || (options_.machines > 4 && note.how == log::level::info);
      const auto how = quiet ? log::level::debug : note.how;
      if (log::enabled(how, log::uplink)
          && (quiet || (told_.size() < told_max && told_.insert(note.text).second)))
        log::write(how, log::uplink, note.event, {.equipment = equipment, .peer = note.node},
                   "{}: {}", equipment, note.text);
    };
    on.stopped = [this, equipment = config.equipment](const edge::failure& why) {
      finish(edge::exit_failed, equipment + ": " + why.detail);
    };
    on.heard = [this, &one] {
      if (options_.rate <= 0)
        fill(one);
      check_finished(one);
    };
    if (options_.duplicate)
      on.before_sending = [this](std::string& bytes) {
        if (random_() % 10 != 0)
          return;
        bytes += std::string{bytes};
        ++duplicated_;
      };
    one.uplink =
      std::make_unique<edge::uplink>(io_, std::move(config), one.store, tls_, std::move(on));
    if (options_.disconnect_every_s > 0) {
      one.next_cut = std::make_unique<asio::steady_timer>(io_);
      cut_later(one);
    }
  }

  void cut_later(machine& one) {
    std::exponential_distribution<double> wait{1 / options_.disconnect_every_s};
    const auto delay = std::chrono::duration<double>{wait(random_)};
    after(*one.next_cut, std::chrono::duration_cast<milliseconds>(delay), [this, &one] {
      one.uplink->cut();
      ++cuts_;
      cut_later(one);
    });
  }

  template <class Then>
  void after(asio::steady_timer& timer, std::chrono::microseconds delay, Then then) {
    timer.expires_after(delay);
    timer.async_wait([then](const error_code& error) {
      if (!error)
        then();
    });
  }

  [[nodiscard]] double elapsed_s() const {
    return std::chrono::duration<double>(clock::now() - started_at_).count();
  }

  /// Returns how many frames a machine should have made by now.
  [[nodiscard]] std::uint64_t wanted() const {
    if (options_.rate <= 0 || options_.at_work)
      return options_.frames > 0 ? options_.frames : ~0ULL;
    const auto seconds =
      options_.seconds > 0 ? std::min(options_.seconds, elapsed_s()) : elapsed_s();
    const auto due = static_cast<std::uint64_t>(seconds * options_.rate);
    return options_.frames > 0 ? std::min(options_.frames, due) : due;
  }

  void fill(machine& one) {
    if (one.finished || !going_)
      return;
    const auto until = wanted();
    const auto until_us =
      options_.rate > 0 ? wall_clock_us() : std::numeric_limits<std::int64_t>::max();
    bool added = false;
    while (one.made < until) {
      const auto count = one.store.add(until - one.made, until_us);
      if (count == 0)
        break;
      one.made += count;
      added = true;
    }
    const bool time_over = options_.seconds > 0 && elapsed_s() >= options_.seconds;
    // Frames that found no room in the window before the time was over are never made.
    one.finished = time_over || (options_.frames > 0 && one.made >= options_.frames);
    if (one.finished)
      one.uplink->hurry();
    if (added || one.finished)
      one.uplink->items_added();
  }

  void begin() {
    constexpr milliseconds look_again{10};
    const auto here = [](const auto& one) { return one->uplink->protocol().streaming(); };
    if (options_.when_connected && !std::all_of(machines_.begin(), machines_.end(), here)) {
      after(making_, look_again, [this] { begin(); });
      return;
    }
    going_ = true;
    const auto now = clock::now();
    connect_seconds_ = now - std::exchange(started_at_, now);
    if (options_.when_connected) {
      std::printf("connected\n");
      std::fflush(stdout);
      for (auto& one : machines_)
        fill(*one);
    }
    if (options_.follows_pace)
      begin_following();
    else
      make_frames();
  }

  /// Fills each machine as often as its node says; they begin at different moments.
  void follow_pace() {
    const auto now = clock::now();
    for (auto& one : machines_) {
      const auto said = one->uplink->protocol().interval();
      if (now - one->filled_at < (said.count() > 0 ? said : options_.flush_interval))
        continue;
      one->filled_at = now;
      fill(*one);
      check_finished(*one);
    }
    if (!finished_)
      after(making_, turn_least, [this] { follow_pace(); });
  }

  void begin_following() {
    const auto first = clock::now() - pace_usual;
    for (std::size_t i = 0; i < machines_.size(); ++i)
      machines_[i]->filled_at =
        first
        + pace_usual * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(machines_.size());
    follow_pace();
  }

  /// Fills each machine once per flush interval, but not all at the same moment: real gateways are not synchronised.
  void make_frames() {
    const std::size_t turns = std::clamp<std::size_t>(
      static_cast<std::size_t>(options_.flush_interval / turn_least), 1, machines_.size());
    for (auto i = turn_++ % turns; i < machines_.size(); i += turns) {
      fill(*machines_[i]);
      check_finished(*machines_[i]);
    }
    if (!finished_)
      after(making_, options_.flush_interval / turns, [this] { make_frames(); });
  }

  /// Checks one machine only: a fleet receives many acks.
  void check_finished(machine& one) {
    const bool over =
      one.finished && (!options_.until_durable || one.store.acked_seq() == one.store.last_seq());
    if (over == one.over)
      return;
    one.over = over;
    over_ += over ? 1 : -1; // a rewind reverses it
    if (over_ == static_cast<std::int64_t>(machines_.size()))
      finish(edge::exit_ok, {});
  }

  void time_out() {
    const bool any = std::any_of(machines_.begin(), machines_.end(), [](const auto& one) {
      return one->uplink->protocol().ever_connected();
    });
    if (any)
      finish(edge::exit_timed_out, "timed out");
    else
      finish(edge::exit_cannot_connect, "cannot connect to " + options_.nodes.front());
  }

  void finish(int code, const std::string& why) {
    if (std::exchange(finished_, true))
      return;
    exit_ = code;
    if (!why.empty() && code == edge::exit_ok)
      log::info(log::sim, "sim_stopped", {}, "{}", why);
    else if (!why.empty())
      log::error(log::sim, "sim_failed", {}, "{}", why);
    io_.stop();
  }

  void report() const {
    std::uint64_t sent = 0;
    std::uint64_t durable = 0;
    std::uint64_t rewinds = 0;
    latency_histogram gaps; // of sessions that followed another one
    for (const auto& one : machines_) {
      for (const auto gap : one->store.ack_gaps())
        gaps.add(gap, 1);
      sent += one->store.last_seq();
      durable += one->store.acked_seq();
      rewinds += one->uplink->protocol().rewinds();
    }
    const auto seconds = std::chrono::duration<double>(ended_at_ - started_at_).count();
    if (!options_.json) {
      std::printf("sent %" PRIu64 "  durable %" PRIu64 "\n", sent, durable);
      log::info(
        log::sim, "sim_done", {},
        "{} frames/s durable over {:.6f} s; sent to durable p50 {} us, p99 {} us, max {} us",
        static_cast<std::uint64_t>(static_cast<double>(durable) / seconds), seconds,
        latency_.quantile_us(0.5), latency_.quantile_us(0.99), latency_.max_us());
      return;
    }
    const nlohmann::ordered_json line{{"machines", options_.machines},
                                      {"sent", sent},
                                      {"durable", durable},
                                      {"connect_seconds", connect_seconds_.count()},
                                      {"seconds", seconds},
                                      {"frames_per_second", static_cast<double>(durable) / seconds},
                                      {"ack_latency_us",
                                       {{"p50", latency_.quantile_us(0.5)},
                                        {"p99", latency_.quantile_us(0.99)},
                                        {"max", latency_.max_us()}}},
                                      {"rewinds", rewinds},
                                      {"ack_gap_us",
                                       {{"sessions", gaps.total()},
                                        {"p50", gaps.quantile_us(0.5)},
                                        {"p99", gaps.quantile_us(0.99)},
                                        {"max", gaps.max_us()}}},
                                      {"disconnects", cuts_},
                                      {"duplicated_batches", duplicated_},
                                      {"hostile_connections", hostile_ ? hostile_->attacks() : 0}};
    std::printf("%s\n", line.dump().c_str());
  }

  /// Writes lines of "last number of the block, microseconds of the monotonic clock".
  [[nodiscard]] bool write_probe() const {
    std::ofstream file{options_.probe};
    for (const auto& [seq, at] : machines_.front()->store.sendings())
      file << seq << ' '
           << std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count()
           << '\n';
    return file.flush().good();
  }

  static constexpr milliseconds pace_usual{1'000}; // of a machine that nobody watches
  static constexpr std::size_t told_max = 64;
  static constexpr milliseconds turn_least{10}; // shortest pause between two turns of making frames

  const fleet_options& options_;
  std::mt19937_64 random_;
  asio::io_context io_{1};
  edge::tls_context tls_;
  std::vector<std::unique_ptr<block_pool>> pools_;
  latency_histogram latency_;
  std::vector<std::unique_ptr<machine>> machines_;
  std::optional<hostile_peer> hostile_;
  asio::steady_timer making_{io_};
  std::size_t turn_ = 0;
  bool going_ = false; // frames are being made
  std::chrono::duration<double> connect_seconds_{};
  asio::steady_timer timeout_{io_};
  clock::time_point started_at_{};
  clock::time_point ended_at_{};
  std::set<std::string> told_;
  std::uint64_t cuts_ = 0;
  std::uint64_t duplicated_ = 0;
  std::int64_t over_ = 0;
  bool finished_ = false;
  int exit_ = edge::exit_ok;
};

} // namespace

int run_fleet(const fleet_options& options) {
  return fleet{options}.run();
}

} // namespace furrow::sim
