#include "tests/fault/ledger_fleet.hpp"

#include "can/frame/frame_block.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tools/furrow-edge/uplink/uplink.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::tests {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

can::stream_id random_stream() {
  std::random_device random;
  can::stream_id id{};
  for (auto& byte : id)
    byte = static_cast<std::uint8_t>(random());
  return id;
}

std::string encoded_frames(std::uint64_t first, std::uint32_t count, std::int64_t time_us) {
  can::frame_block block;
  for (std::uint64_t seq = first; seq < first + count; ++seq)
    (void)block.push(time_us + static_cast<std::int64_t>(seq - first),
                     can::pack({.id = 0x18FEF100, .extended = true, .length = 8}),
                     reinterpret_cast<const std::uint8_t*>(&seq));
  return proto::encode_items(std::move(block));
}

/// The ledger of one gateway; nothing leaves it.
class ledger_store final : public edge::item_store {
public:
  void make(std::uint32_t count) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto first = last_ + 1;
    if (acked_ == last_)
      quiet_since_ = steady::now(); // nothing was owed until now
    last_ += count;
    blocks_.push_back(
      {first, count,
       std::make_shared<const std::string>(encoded_frames(
         first, count, std::chrono::duration_cast<std::chrono::microseconds>(now).count()))});
  }

  [[nodiscard]] edge::stream_state state() const override {
    return {id_, 1, last_, acked_, {{run_, 1}}, {{0, "can0"}}};
  }
  [[nodiscard]] std::uint64_t last_seq() const override { return last_; }
  [[nodiscard]] std::uint64_t acked_seq() const override { return acked_; }
  [[nodiscard]] std::size_t bus_count() const override { return 1; }
  [[nodiscard]] std::uint64_t run() const override { return run_; }

  [[nodiscard]] edge::result<std::vector<edge::item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) override {
    auto at = std::partition_point(blocks_.begin(), blocks_.end(),
                                   [&](const auto& block) { return block.seq_last() < from; });
    std::vector<edge::item_block> out;
    std::size_t bytes = 0;
    for (; at != blocks_.end() && bytes < bytes_max && out.size() < blocks_max; ++at) {
      bytes += at->bytes->size();
      out.push_back(*at);
      if (at->seq_first <= sent_)
        sent_again_ += std::min(sent_, at->seq_last()) - at->seq_first + 1;
      sent_ = std::max(sent_, at->seq_last());
    }
    return out;
  }

  [[nodiscard]] edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t) override {
    ++sessions_;
    acked_here_ = false;
    acked(resume_from - 1);
    acked_ = std::min(acked_, resume_from - 1);
    return done{};
  }
  void acknowledge(std::uint64_t durable_seq) override {
    acked_here_ = acked_here_ || durable_seq > best_acked_;
    acked(durable_seq);
  }
  void rewind(std::uint64_t from_seq) override { acked_ = std::min(acked_, from_seq - 1); }
  [[nodiscard]] edge::result<done> fork(std::uint64_t, std::uint64_t) override {
    return edge::failure{edge::errc::foreign, "a fleet without copies has a fork"};
  }

  void mark() {
    sent_again_ = sessions_ = 0;
    longest_gap_ = steady::duration{0};
    quiet_since_ = steady::now();
  }
  void tell(machine_look& out) const {
    out.stream = can::to_string(id_);
    out.made = last_;
    out.acked = acked_;
    out.acked_here = acked_here_;
    out.sent_again = sent_again_;
    out.sessions = sessions_;
    const auto current = acked_ < last_ ? steady::now() - quiet_since_ : steady::duration{0};
    out.longest_gap = std::chrono::duration_cast<milliseconds>(std::max(longest_gap_, current));
  }

private:
  void acked(std::uint64_t seq) {
    if (seq <= best_acked_)
      return;
    const auto now = steady::now();
    longest_gap_ = std::max(longest_gap_, now - quiet_since_);
    quiet_since_ = now;
    best_acked_ = acked_ = seq;
  }

  const can::stream_id id_ = random_stream();
  const std::uint64_t run_ = std::random_device{}();
  std::vector<edge::item_block> blocks_;
  std::uint64_t last_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t acked_ = 0;
  std::uint64_t best_acked_ = 0;
  std::uint64_t sent_again_ = 0;
  std::uint64_t sessions_ = 0;
  bool acked_here_ = false;
  steady::time_point quiet_since_ = steady::now();
  steady::duration longest_gap_{0};
};

} // namespace

class ledger_fleet::gateways {
public:
  explicit gateways(fleet_plan plan) : plan_{std::move(plan)} {
    for (std::size_t i = 0; i < plan_.machines; ++i) {
      auto& one = machines_.emplace_back(std::make_unique<machine>());
      one->name = "M" + std::to_string(i + 1);
      edge::uplink_config config;
      config.equipment = one->name;
      config.software = "ledger-fleet";
      config.nodes = plan_.nodes;
      config.seed = i + 1;
      edge::uplink::events on;
      on.stopped = [&one = *one](const edge::failure& why) { one.stopped = why.detail; };
      one->uplink =
        std::make_unique<edge::uplink>(io_, std::move(config), one->store, nullptr, std::move(on));
    }
    thread_ = std::thread{[this] {
      for (auto& one : machines_)
        one->uplink->start();
      make();
      io_.run();
    }};
  }
  gateways(const gateways&) = delete;
  gateways& operator=(const gateways&) = delete;
  ~gateways() {
    io_.stop();
    thread_.join();
  }

  /// Runs on the gateways' thread.
  void
  with_all(const std::function<void(
             std::size_t, const std::string&, ledger_store&, const edge::uplink_protocol&)>& use) {
    std::promise<void> done;
    asio::post(io_, [&] {
      for (std::size_t i = 0; i < machines_.size(); ++i)
        use(i, machines_[i]->name, machines_[i]->store, machines_[i]->uplink->protocol());
      done.set_value();
    });
    done.get_future().get();
  }
  [[nodiscard]] std::string stopped() {
    std::string out;
    std::promise<void> done;
    asio::post(io_, [&] {
      for (const auto& one : machines_)
        if (!one->stopped.empty())
          out += one->name + " has stopped: " + one->stopped + "\n";
      done.set_value();
    });
    done.get_future().get();
    return out;
  }
  void stop_making() { making_ = false; }

private:
  struct machine {
    std::string name;
    ledger_store store;
    std::unique_ptr<edge::uplink> uplink;
    std::string stopped;
  };

  /// A part of the machines at a time: real gateways are not synchronised.
  void make() {
    constexpr std::size_t turns = 4;
    if (!making_)
      return;
    for (auto i = turn_++ % turns; i < machines_.size(); i += turns) {
      machines_[i]->store.make(plan_.frames);
      machines_[i]->uplink->items_added();
    }
    timer_.expires_after(plan_.every / turns);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error)
        make();
    });
  }

  const fleet_plan plan_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::steady_timer timer_{io_};
  std::vector<std::unique_ptr<machine>> machines_;
  std::atomic<bool> making_{true};
  std::size_t turn_ = 0;
  std::thread thread_;
};

ledger_fleet::ledger_fleet(fleet_plan plan)
  : gateways_{std::make_unique<gateways>(std::move(plan))} {}
ledger_fleet::~ledger_fleet() = default;

std::vector<machine_look> ledger_fleet::look() const {
  std::vector<machine_look> out;
  gateways_->with_all([&](std::size_t, const std::string& name, const ledger_store& store,
                          const edge::uplink_protocol& protocol) {
    auto& one = out.emplace_back();
    one.name = name;
    one.node = protocol.node();
    one.streaming = protocol.streaming();
    store.tell(one);
  });
  return out;
}

void ledger_fleet::mark() {
  gateways_->with_all([](std::size_t, const std::string&, ledger_store& store,
                         const edge::uplink_protocol&) { store.mark(); });
}

void ledger_fleet::stop_making() {
  gateways_->stop_making();
}

bool ledger_fleet::all_served() const {
  const auto all = look();
  return std::all_of(all.begin(), all.end(), [](const machine_look& one) {
    return one.streaming && one.acked_here && one.acked + 1'000 > one.made;
  });
}

bool ledger_fleet::all_acked() const {
  const auto all = look();
  return std::all_of(all.begin(), all.end(),
                     [](const machine_look& one) { return one.acked == one.made; });
}

std::string ledger_fleet::difference(const std::string& url) const {
  auto out = gateways_->stopped();
  // The tables themselves: each number once, in order, without a hole, with the payload that the ledger has.
  std::map<std::string, std::vector<std::string>> stored;
  for (auto& row : pg_exec(
         url,
         "select count(*), count(distinct v), coalesce(min(v), 1), coalesce(max(v), 0), "
         "coalesce(bool_and(v = b.seq_first + o - 1), true), (select w.seq from "
         "furrow.stream_watermark w where w.stream = s.id), s.stream_id from furrow.stream s left "
         "join furrow.can_block b on b.stream = s.id left join lateral unnest(b.payload) with "
         "ordinality u(v, o) on true group by s.id"))
    if (auto id = row.back(); !stored.emplace(std::move(id), std::move(row)).second)
      out += "a stream of two machines\n";
  for (const auto& one : look()) {
    const auto found = stored.find(one.stream);
    if (found == stored.end()) {
      out += one.name + ": no stream\n";
      continue;
    }
    const auto& row = found->second;
    const auto last = std::stoull(row[3]);
    const bool whole = row[0] == row[1] && row[0] == row[3] && row[2] == "1" && row[4] == "t"
                       && row[5] == row[3] && last >= one.acked && last <= one.made;
    if (!whole)
      out += one.name + ": made " + std::to_string(one.made) + " acked " + std::to_string(one.acked)
             + "; stored " + row[0] + ", different " + row[1] + ", from " + row[2] + " to " + row[3]
             + ", in place " + row[4] + ", watermark " + row[5] + "\n";
  }
  return out;
}

milliseconds quantile(std::vector<milliseconds> times, double part) {
  if (times.empty())
    return milliseconds{0};
  std::sort(times.begin(), times.end());
  const auto at = static_cast<std::size_t>(part * static_cast<double>(times.size()));
  return times[std::min(at, times.size() - 1)];
}

std::string distribution(std::vector<milliseconds> times) {
  return "p50 " + std::to_string(quantile(times, 0.5).count()) + " p99 "
         + std::to_string(quantile(times, 0.99).count()) + " max "
         + std::to_string(quantile(times, 1).count()) + " ms of " + std::to_string(times.size());
}

std::vector<milliseconds> gaps(const std::vector<machine_look>& of) {
  std::vector<milliseconds> out;
  out.reserve(of.size());
  for (const auto& one : of)
    out.push_back(one.longest_gap);
  return out;
}

} // namespace furrow::tests
