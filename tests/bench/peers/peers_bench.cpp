// Records per second beside async SQLAlchemy and asyncpg (sqlalchemy_peer.py), one after the other on the same server:
// peers_bench [seconds per measurement, default 3] [concurrent clients, default 256]. Single creates and token usage:
// each client sends the next record when the previous one is committed. Batches of 1,000 and 10,000 messages of a bus:
// one client. PostgreSQL runs as in the tests (private cluster, fsync on).
#include "can/records/body.hpp"
#include "storage/records.hpp"
#include "storage/store.hpp"
#include "tests/bench/answer.hpp"
#include "tests/support/pg_cluster.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <string>

namespace can = furrow::can;
using namespace furrow::storage;

namespace {

using furrow::bench::answer_of;
using steady = std::chrono::steady_clock;

struct figure {
  double records = 0;
  double seconds = 0;
  [[nodiscard]] double rate() const { return seconds > 0 ? records / seconds : 0; }
};
using figures = std::map<std::string, figure>;

const std::string yield_body =
  R"({"mass_flow_kgps":7.25,"moisture_pct":13.5,"width_m":9.1,"speed_mps":1.8,"latitude_deg":52.1234567,"longitude_deg":11.6543217,"crop":"wheat"})";
const std::string usage_body =
  R"({"agent":"scout","model":"m-1","prompt_tokens":1200,"completion_tokens":88})";

record_batch
batch_of(const std::string& key, std::size_t count, std::uint16_t kind, const std::string& body) {
  record_batch batch{"bench", "C1", key, {}};
  for (std::size_t i = 0; i < count; ++i)
    batch.records.push_back(
      {1'777'617'000'000'000 + static_cast<std::int64_t>(i) * 1'000'000, kind, body});
  return batch;
}

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "peers_bench: " << why << '\n';
  std::exit(1);
}

/// Clients that each send their next record after the previous answer.
class single_clients {
public:
  single_clients(
    store& to, std::string name, std::uint16_t kind, const std::string& body, double seconds)
    : to_{to}, name_{std::move(name)}, kind_{kind}, body_{body}, seconds_{seconds} {}

  figure run(int clients) {
    begun_ = steady::now();
    open_ = clients;
    for (int i = 0; i < clients; ++i)
      send();
    std::unique_lock lock{mutex_};
    ended_.wait(lock, [this] { return open_ == 0; });
    return {static_cast<double>(stored_), elapsed()};
  }

private:
  [[nodiscard]] double elapsed() const {
    return std::chrono::duration<double>(steady::now() - begun_).count();
  }
  void send() {
    to_.records()->insert_records(batch_of(name_ + std::to_string(next_++), 1, kind_, body_),
                                  [this](const result<record_batch_outcome>& outcome) {
                                    if (!outcome || !outcome->refused[0].empty())
                                      give_up(outcome ? outcome->refused[0]
                                                      : outcome.error().detail);
                                    ++stored_;
                                    if (elapsed() < seconds_)
                                      return send();
                                    const std::lock_guard lock{mutex_};
                                    --open_;
                                    ended_.notify_all();
                                  });
  }

  store& to_;
  const std::string name_;
  const std::uint16_t kind_;
  const std::string body_;
  const double seconds_;
  steady::time_point begun_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> stored_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  int open_ = 0;
};

template <class Once>
figure measure(std::size_t records, double seconds, Once once) {
  const auto begun = steady::now();
  figure out;
  while (out.seconds < seconds) {
    once(out.records);
    out.records += static_cast<double>(records);
    out.seconds = std::chrono::duration<double>(steady::now() - begun).count();
  }
  return out;
}

can::frame_block ten_thousand(std::uint64_t from) {
  can::frame_block block;
  for (std::uint64_t i = from; i < from + 10'000; ++i) {
    std::uint8_t payload[8] = {};
    for (unsigned byte = 0; byte < 8; ++byte)
      payload[byte] = static_cast<std::uint8_t>(i >> 8U * byte);
    const auto id = static_cast<std::uint32_t>(0x0CF00400 + i % 31 * 256);
    if (!block.push(1'777'617'000'000'000 + static_cast<std::int64_t>(i) * 1'000,
                    can::pack({.id = id, .extended = true, .length = 8}), payload))
      give_up("the block is full");
  }
  return block;
}

figures ours(const std::string& url, double seconds, int clients) {
  store_options options;
  options.url = url;
  auto opened = open_store(options);
  if (!opened)
    give_up(opened.error().detail);
  auto& to = **opened;
  (void)answer_of<std::vector<migration_row>>([&](auto done) { to.migrate(done); });
  figures out;
  out["single"] = single_clients{to, "s", can::record_kind_yield, yield_body, seconds}.run(clients);
  out["batch_1000"] = measure(1'000, seconds, [&](double stored) {
    auto batch = batch_of("b" + std::to_string(stored), 1'000, can::record_kind_yield, yield_body);
    (void)answer_of<record_batch_outcome>(
      [&](auto done) { to.records()->insert_records(std::move(batch), done); });
  });
  const auto lane = to.open_appender("bench");
  const auto claim = answer_of<std::vector<claim_outcome>>([&](auto done) {
                       to.claim({{"bench", "C1", {1}, {}, {{1, 1}}}}, done);
                     })[0]
                       .claim;
  out["messages_10000"] = measure(10'000, seconds, [&](double stored) {
    auto batch = std::make_shared<append_batch>(1);
    auto& append = batch->front();
    append.claim = claim;
    append.from = static_cast<std::uint64_t>(stored);
    append.frames.push_back({append.from + 1, ten_thousand(append.from)});
    append.to = append.sent = append.from + 10'000;
    if (!answer_of<append_outcome>([&](auto done) { lane->append(batch, done); }).fenced.empty())
      give_up("fenced");
  });
  out["token_usage"] =
    single_clients{to, "t", can::record_kind_tokens, usage_body, seconds}.run(clients);
  return out;
}

figures theirs(const furrow::tests::pg_cluster& cluster, double seconds, int clients) {
  const auto output = (cluster.folder() / "peer").string();
  // libpq's words of the URL that asyncpg has too: user, host, port, database.
  const auto url = "postgresql+asyncpg://" + cluster.value("select current_user", "peer")
                   + "@127.0.0.1:" + std::to_string(cluster.port()) + "/peer";
  const auto command = std::string{FURROW_PEER} + " '" + url + "' " + std::to_string(seconds) + " "
                       + std::to_string(clients) + " > " + output;
  const auto ended = std::system(command.c_str());
  figures out;
  if (ended != 0) {
    std::cerr << "peers_bench: nothing to compare with\n";
    return out;
  }
  std::ifstream lines{output};
  for (std::string name; lines >> name;)
    lines >> out[name].records >> out[name].seconds;
  return out;
}

} // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 3.0;
  const int clients = argc > 2 ? std::atoi(argv[2]) : 256;
  furrow::tests::pg_cluster cluster;
  static_cast<void>(cluster.make_database("peer"));
  auto peer = theirs(cluster, seconds, clients);
  auto own = ours(cluster.url(), seconds, clients);
  double load[3] = {};
  static_cast<void>(::getloadavg(load, 3));
  std::printf("%d clients, %.0f s a measure, load of the machine %.1f\n%-16s %14s %14s %8s\n",
              clients, seconds, load[0], "records/s", "sqlalchemy", "furrow", "times");
  for (const auto* name : {"single", "batch_1000", "messages_10000", "token_usage"})
    std::printf("%-16s %14.0f %14.0f %8.1f\n", name, peer[name].rate(), own[name].rate(),
                peer[name].rate() > 0 ? own[name].rate() / peer[name].rate() : 0);
}
