// Many small concurrent queries on the query pool: pool_bench [--queries 1000] [--connections 20] [--rounds 10]
// [--memory N]. PostgreSQL runs as in the tests (private cluster). The same run measures an asyncpg pool
// (tests/bench/peers/asyncpg_pool.py) when Debian's python3-asyncpg is installed. --memory: only the resident memory
// after N queries.
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "tests/support/pg_cluster.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>

using namespace furrow::storage;
namespace asio = boost::asio;

namespace {

using steady = std::chrono::steady_clock;

double milliseconds_since(steady::time_point begun) {
  return std::chrono::duration<double, std::milli>(steady::now() - begun).count();
}

std::size_t resident_kib() {
  std::ifstream in{"/proc/self/status"};
  for (std::string word; in >> word;)
    if (word == "VmRSS:") {
      std::size_t kib = 0;
      in >> kib;
      return kib;
    }
  return 0;
}

task<furrow::storage::result<std::string>> name_of(pq_connection& db, std::int32_t id) {
  const auto reply =
    co_await db.query("select name from public.pool_bench where id = $1", pq_parameters{}.int4(id));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  co_return rows.size() == 1 ? rows.text(0, 0) : std::string{};
}

class rig {
public:
  rig(const std::string& url, unsigned connections) {
    pq_connection::settings settings;
    settings.url = url;
    settings.application_name = "pool_bench";
    settings.monitor = monitor_;
    pool_options options;
    options.min = options.max = connections;
    options.overflow = 0;
    options.acquire_timeout = std::chrono::seconds{60};
    pool_ = std::make_shared<query_pool>(context_, std::make_shared<steady::time_point>(), settings,
                                         options);
    thread_ = std::thread{[this] {
      pool_->start();
      context_->run();
    }};
  }
  rig(const rig&) = delete;
  rig& operator=(const rig&) = delete;
  ~rig() {
    query_pool::close(pool_);
    work_.reset();
    thread_.join();
  }

  /// Milliseconds until all queries are answered.
  double round(int queries) {
    std::atomic<int> left{queries};
    std::atomic<int> wrong{0};
    std::promise<void> all;
    const auto begun = steady::now();
    for (int i = 0; i < queries; ++i)
      pool_->submit(job_of<std::string>(
        false,
        [&, i](const furrow::storage::result<std::string>& name) {
          wrong += name && *name == "machine " + std::to_string(i) ? 0 : 1;
          if (--left == 0)
            all.set_value();
        },
        [i](pq_connection& db) { return name_of(db, i); }));
    all.get_future().get();
    const auto took = milliseconds_since(begun);
    if (wrong != 0) {
      std::fprintf(stderr, "%d answers are wrong\n", wrong.load());
      std::exit(1);
    }
    return took;
  }
  [[nodiscard]] store_activity activity() {
    std::promise<store_activity> read;
    asio::post(*context_, [&] { read.set_value(monitor_->read(steady::now())); });
    return read.get_future().get();
  }

private:
  std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_->get_executor()};
  std::shared_ptr<store_monitor> monitor_ =
    std::make_shared<store_monitor>(std::chrono::milliseconds{500}, steady::now());
  std::shared_ptr<query_pool> pool_;
  std::thread thread_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

/// The peer's rounds; absent when it cannot run.
std::vector<double> peer_rounds(const std::string& url, int queries, int connections, int rounds) {
  const auto command = std::string{"/usr/bin/python3 "} + FURROW_SOURCE_DIR
                       + "/tests/bench/peers/asyncpg_pool.py " + url + " " + std::to_string(queries)
                       + " " + std::to_string(connections) + " " + std::to_string(rounds);
  std::FILE* const peer = ::popen(command.c_str(), "r");
  if (peer == nullptr)
    return {};
  std::string text;
  std::array<char, 4'096> part{};
  while (const auto size = std::fread(part.data(), 1, part.size(), peer))
    text.append(part.data(), size);
  if (::pclose(peer) != 0)
    return {};
  std::vector<double> out;
  auto at = text.find('[');
  while (at != std::string::npos && at + 1 < text.size()) {
    out.push_back(std::strtod(text.c_str() + at + 1, nullptr));
    at = text.find(',', at + 1);
  }
  return out;
}

void measure_memory(rig& ours, int queries) {
  constexpr int at_once = 1'000;
  std::size_t first = 0;
  for (int done = 0; done < queries; done += at_once) {
    (void)ours.round(at_once);
    if (done == at_once)
      first = resident_kib();
  }
  std::printf("memory: %zu KiB after %d queries, %zu KiB after %d\n", first, 2 * at_once,
              resident_kib(), queries);
}

} // namespace

int main(int argc, char** argv) {
  std::map<std::string, int> settings{
    {"--queries", 1'000}, {"--connections", 20}, {"--rounds", 10}, {"--memory", 0}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!settings.contains(argv[i])) {
      std::fprintf(stderr, "pool_bench: %s is unknown\n", argv[i]);
      return 2;
    }
    settings[argv[i]] = std::atoi(argv[i + 1]);
  }
  const int queries = settings["--queries"];
  const int connections = settings["--connections"];
  const int rounds = settings["--rounds"];
  furrow::tests::pg_cluster cluster;
  cluster.exec("create table public.pool_bench as select i as id, 'machine ' || i as name from "
               "generate_series(0, 99999) i");
  cluster.exec("alter table public.pool_bench add primary key (id)");
  cluster.exec("vacuum analyze public.pool_bench");
  rig ours{cluster.url(), static_cast<unsigned>(connections)};
  if (settings["--memory"] > 0) {
    measure_memory(ours, settings["--memory"]);
    return 0;
  }
  (void)ours.round(queries); // opens the connections
  std::vector<double> mine;
  for (int i = 0; i < rounds; ++i)
    mine.push_back(ours.round(queries));
  const auto activity = ours.activity();
  std::array<double, 1> load{};
  (void)::getloadavg(load.data(), 1);
  std::printf("furrow:  %d queries at once on %d connections: median %.1f ms of %d rounds (%.0f a "
              "second); machine's load %.1f\n",
              queries, connections, median(mine), rounds, queries / median(mine) * 1'000, load[0]);
  std::printf("         statements: mean %.0f us\n",
              activity.statement.sum_s / static_cast<double>(activity.statements) * 1e6);
  const auto theirs = peer_rounds(cluster.url(), queries, connections, rounds);
  if (theirs.empty()) {
    std::printf("asyncpg: not measured (package python3-asyncpg)\n");
    return 0;
  }
  std::printf("asyncpg: median %.1f ms of %zu rounds; %.2f times as long as furrow\n",
              median(theirs), theirs.size(), median(theirs) / median(mine));
  return 0;
}
