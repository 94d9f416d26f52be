#include "tools/furrowd/daemon.hpp"

#include "actors/cluster/cluster_board.hpp"
#include "actors/live/database_checks.hpp"
#include "actors/log/log.hpp"
#include "actors/node.hpp"
#include "actors/session/gate.hpp"
#include "can/frame/stream.hpp"
#include "proto/wire.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/membership.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/access/identity_watch.hpp"
#include "tools/furrowd/api/map/base_map.hpp"
#include "tools/furrowd/api/peers.hpp"
#include "tools/furrowd/config/named_files.hpp"
#include "tools/furrowd/databases.hpp"
#include "tools/furrowd/descriptors.hpp"
#include "tools/furrowd/executors.hpp"
#include "tools/furrowd/farm_moves.hpp"
#include "tools/furrowd/forward/forward_lines.hpp"
#include "tools/furrowd/forward_end.hpp"
#include "tools/furrowd/front/server.hpp"
#include "tools/furrowd/gateway/listener.hpp"
#include "tools/furrowd/identity.hpp"
#include "tools/furrowd/last_resort.hpp"
#include "tools/furrowd/link/link_hub.hpp"
#include "tools/furrowd/node_liveness.hpp"
#include "tools/furrowd/reload.hpp"
#include "tools/furrowd/store_watch.hpp"
#include "tools/process/stop_signals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

namespace {

constexpr int failed = 1;
constexpr int bad_settings = 2;
constexpr int gave_up = 70;    // EX_SOFTWARE: the service manager starts a new one
constexpr int lost_lease = 75; // EX_TEMPFAIL: the same
constexpr std::chrono::seconds shutdown_limit{4}; // after the drain: sockets, actors, the store
/// For the gateways to get their acks and go; a gateway waits 500 ms for them.
constexpr std::chrono::milliseconds farewell_limit{1'000};
constexpr std::chrono::milliseconds last_answers{100};
constexpr std::chrono::milliseconds leave_limit{
  1'000}; // for the database to note that the node has left

class process {
public:
  explicit process(const settings& settings) : settings_{settings}, signals_{io_}, retry_{io_} {
    for (const auto signal : stops_)
      signals_.add(signal);
  }

  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() { executors_.stop_people(); } // also when the start failed half way

  int run() {
    descriptors_ = raise_descriptor_limit();
    liveness_.start();
    if (!open_access() || !open_map() || !open_forward())
      return bad_settings;
    if (!open_link() || !open_node() || !open_gateways() || !serve_http())
      return failed;
    if (link_) {
      link_->start(*parts().peers);
      executors_.start_peers();
    }
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (!error)
        drain(signal);
    });
    if (hangup_reloads(stops_))
      await_reloads();
    if (settings_.migrate)
      migrate();
    else
      look_at_schema();
    executors_.run();
    // What hangs on the executors goes before the node, the node before the executors.
    gateways_.reset();
    executors_.stop_people();
    http_.reset();
    if (link_)
      link_->stop();
    executors_.end_peers();
    node_.reset();
    return exit_code_;
  }

private:
  [[nodiscard]] const actors::node_parts& parts() const { return node_->parts(); }

  bool complain(const std::string& what) {
    log::complain("furrowd", what);
    return false;
  }

  void give_up(const std::string& why, int code) {
    complain(why);
    exit_code_ = code;
    drain(0);
  }

  bool open_access() {
    auto files = load_files(settings_);
    if (!files)
      return complain(files.error().detail);
    gateway_tls_ = std::move(files->gateways);
    http_tls_ = std::move(files->http);
    link_tls_ = std::move(files->link);
    access_ = std::make_shared<authority>(std::move(files->tokens),
                                          authority::settings{only_loopback(settings_), true});
    return true;
  }

  bool open_map() {
    http::base_map made{nullptr, settings_.map_url, settings_.map_attribution};
    if (!settings_.map.empty()) {
      auto opened = storage::tile_file::open(settings_.map);
      if (!opened)
        return complain(settings_.in_force.located("--map: " + opened.error().detail));
      made.file = std::move(*opened);
    }
    map_ = std::make_shared<const http::base_map>(std::move(made));
    return true;
  }

  bool open_link() {
    if (settings_.link.empty())
      return true;
    const auto address = listen_address(settings_.link);
    if (!address)
      return complain(address.error().detail);
    peers_->set(named_peers(settings_));
    link_ = std::make_shared<link_hub>(
      executors_.peers,
      link_hub::settings{*address,
                         {settings_.node.name, can::to_string(incarnation_), FURROW_VERSION},
                         std::move(*link_tls_),
                         peers_,
                         link_book_});
    const auto bound = link_->open();
    if (!bound)
      return complain(bound.error().detail);
    link_address_ = to_text(*bound);
    return true;
  }

  /// The lines to head office; they begin when the node runs.
  bool open_forward() {
    if (settings_.forward.nodes.empty())
      return true;
    auto lines = forward_lines::make(settings_.forward, "furrowd " FURROW_VERSION);
    if (!lines)
      return complain("--forward: " + lines.error().detail);
    forward_ = std::move(*lines);
    return true;
  }

  bool open_node() {
    auto databases = open_databases(settings_, incarnation_);
    if (!databases)
      return complain(databases.error().detail);
    auto node = settings_.node;
    node.seed = std::random_device{}();
    node.incarnation = incarnation_;
    node.certificate_expires_us = certificate_expiry_us(gateway_tls_.newest());
    node_ = actors::start_node(std::move(node), std::move(*databases),
                               {peers_, link_, http::report_text}, forward_);
    identities_ = std::make_shared<identity_watch>(
      io_, *storage::identities_of(parts().store), storage::audit_of(parts().store), access_,
      identity_watch::settings{{}, settings_.audit_keep});
    node_->on_failure([this](const std::string& why) {
      asio::post(io_, [this, why] {
        log::critical(log::node, "node_gave_up", {.error = why},
                      "this node drains and ends with exit code {}: {}", gave_up, why);
        exit_code_ = gave_up;
        drain(0);
      });
    });
    liveness_.watch(*node_, link_ != nullptr);
    return true;
  }

  bool serve_http() {
    const auto address = listen_address(settings_.http);
    if (!address)
      return complain(address.error().detail);
    http::http_config config;
    config.address = address->address().to_string();
    config.port = address->port();
    config.use(settings_.http_limits);
    config.tls = http_tls_;
    config.access = access_;
    config.refresh_access = identities_->refresher();
    config.node_name = settings_.node.name;
    config.version = FURROW_VERSION;
    config.cache = settings_.cache;
    config.redis = settings_.redis;
    config.gateways = book_;
    config.links = link_ ? link_book_ : nullptr;
    config.map = map_;
    shown_settings_->show(settings_.in_force);
    config.settings = shown_settings_;
    http_ = std::make_unique<http::http_server>(executors_.people, config, parts());
    const auto started = http_->start();
    if (!started)
      return complain(started.error().detail);
    http_address_ = to_text(*started);
    return true;
  }

  /// SIGHUP. For the service manager: the reload begins and ends where the events say.
  void await_reloads() {
    reloader_ = std::make_unique<reloader>(
      io_, executors_.people, settings_,
      reload_targets{gateway_tls_, http_tls_, link_, *http_, parts().host, *access_,
                     *shown_settings_},
      reloader::events{[this] { liveness_.reloading(); }, [this] { liveness_.reloaded(); }});
    reloader_->start();
  }

  /// Runs before the first query, which may take long: a wrong address is reported at once.
  bool open_gateways() {
    session_context context{parts().gateways,
                            parts().machines,
                            parts().cluster,
                            parts().gateways.budget(),
                            parts().gateways.arrivals(),
                            access_,
                            settings_.advertise,
                            book_};
    context.limits.bytes_max = settings_.node.session_bytes_max;
    gateways_ = std::make_unique<gateway_listener>(
      io_, gateway_config{settings_.listen, gateway_tls_}, std::move(context));
    const auto opened = gateways_->open();
    return opened || complain(opened.error().detail);
  }

  void migrate() {
    parts().store.migrate([this](storage::result<std::vector<storage::migration_row>> outcome) {
      asio::post(io_, [this, outcome = std::move(outcome)] { schema_answer(outcome); });
    });
  }

  void look_at_schema() {
    parts().store.migration_status(
      [this](storage::result<std::vector<storage::migration_row>> outcome) {
        asio::post(io_, [this, outcome = std::move(outcome)] { schema_answer(outcome); });
      });
  }

  void schema_answer(const storage::result<std::vector<storage::migration_row>>& outcome) {
    if (draining_)
      return;
    if (!outcome) {
      if (outcome.error().code == storage::errc::misconfigured)
        return give_up(outcome.error().detail, failed);
      parts().checks.note_check(storage::home_stores::main, {.why = outcome.error().detail});
      liveness_.waits_for_database();
      if (!std::exchange(waiting_told_, true))
        log::warn(log::store, "database_away", {.error = outcome.error().detail},
                  "the database {} does not answer yet: {}; trying again every second",
                  storage::redacted(settings_.database), outcome.error().detail);
      retry_.expires_after(std::chrono::seconds{1});
      retry_.async_wait([this](boost::system::error_code error) {
        if (!error)
          settings_.migrate ? migrate() : look_at_schema();
      });
      return;
    }
    if (settings_.forward_ends)
      end_forwarding(parts().store, parts().homes);
    for (const auto& row : *outcome) {
      if (row.applied && row.fault.empty())
        continue;
      return give_up(
        "migration " + std::to_string(row.number) + " " + row.name + ": "
          + (row.fault.empty() ? "not applied; `furrow db migrate` applies it" : row.fault),
        failed);
    }
    // Who has access must be known before anybody comes.
    identities_->first([this] { look_at_identities(); });
  }

  void look_at_identities() {
    if (draining_)
      return;
    if (const auto why = nobody_has_access(settings_, *access_))
      return give_up(*why, bad_settings);
    identities_->start([this] { http_->look_at_access(); });
    serve_gateways();
  }

  void serve_gateways() {
    const auto started = gateways_->start();
    if (!started)
      return give_up(started.error().detail, failed);
    tell(descriptors_, gateway_config{}.sessions_max, settings_.http_limits.connections_max);
    parts().checks.note_check(storage::home_stores::main, {.up = true});
    store_watch_.start({parts().store, parts().homes, parts().checks, parts().host, parts().meter,
                        parts().dbc, *http_, parts().forwarding != nullptr});
    join_cluster(*started);
    move_farms();
    std::printf("ready gateway=%s http=%s%s%s\n", started->c_str(), http_address_.c_str(),
                link_ ? " link=" : "", link_address_.c_str());
    std::fflush(stdout);
    log::info(log::node, "node_ready", {}, "serving gateways at {}, and HTTP and the console at {}",
              *started, http_address_);
    liveness_.serves();
  }

  /// Where there may be several databases.
  void move_farms() {
    if (parts().cluster == nullptr)
      return;
    auto main = settings_.store;
    main.url = settings_.database;
    main.application_name = application_name(settings_.node.name, incarnation_);
    farm_moves_.start(std::move(main));
  }

  void join_cluster(const std::string& gateway) {
    auto* const cluster = parts().cluster;
    if (cluster == nullptr)
      return;
    cluster->on_news([this] { asio::post(io_, [this] { look_at_cluster(); }); });
    auto named = fmt::format("{}", fmt::join(settings_.advertise, ","));
    if (named.empty())
      named = reachable(gateway, gateway_tls_.on());
    if (named.empty())
      log::info(log::cluster, "node_unnamed", {},
                "cluster: gateways are not told of this node: --advertise HOST:PORT names it");
    cluster->join({named, reachable(http_address_, http_tls_.on()), reachable(link_address_, false),
                   FURROW_VERSION, proto::version_min, proto::version_max});
  }

  void look_at_cluster() {
    const auto view = parts().cluster->latest();
    if (link_ && settings_.link_peers.empty())
      if (auto peers = leased_peers(*view); peers != peers_->all())
        peers_->set(std::move(peers));
    if (view->state == actors::node_state::dead)
      lose_lease(*view);
    else if (!draining_)
      gateways_->follow(*view);
  }

  /// Others serve the machines already, and the database takes nothing more from this process.
  void lose_lease(const actors::cluster_view& view) {
    if (std::exchange(lost_, true))
      return;
    log::critical(log::cluster, "lease_lost", {.error = view.ended_by},
                  "cluster: {}; this process ends with exit code {}, for the service manager to "
                  "start a new one",
                  view.ended_by, lost_lease);
    exit_code_ = lost_lease;
    if (gateways_)
      gateways_->stop();
    drain(0);
  }

  /// Disconnects the gateways, makes held items durable, then ends. A second signal ends at once.
  void drain(int signal) {
    if (std::exchange(draining_, true))
      return;
    if (signal != 0)
      log::info(log::node, "node_draining", {}, "signal {}: draining; a second one ends at once",
                signal);
    signals_.async_wait([](boost::system::error_code error, int) {
      if (!error)
        std::_Exit(failed);
    });
    last_resort_.arm(settings_.drain + shutdown_limit, exit_code_);
    liveness_.stopping(settings_.drain + shutdown_limit);
    if (reloader_)
      reloader_->stop();
    retry_.cancel();
    store_watch_.stop();
    farm_moves_.stop();
    identities_->stop();
    http_->drain();
    if (auto* const cluster = parts().cluster)
      cluster->end();
    const auto limit =
      lost_ ? std::chrono::milliseconds{0} : std::chrono::milliseconds{settings_.drain};
    const auto last = std::chrono::steady_clock::now() + limit;
    gateways_->goaway(std::min<std::chrono::milliseconds>(farewell_limit, limit), [this, last] {
      const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
        last - std::chrono::steady_clock::now());
      node_->drain(std::max(rest, std::chrono::milliseconds{0}),
                   [this] { asio::post(io_, [this] { finish(); }); });
    });
  }

  void finish() {
    if (gateways_)
      gateways_->stop();
    if (auto* const cluster = parts().cluster)
      cluster->leave();
    wind_up(std::chrono::steady_clock::now() + leave_limit);
  }

  /// Answers that are ready go out, the one to the request that ended the node too; the cluster hears that it has left.
  void wind_up(std::chrono::steady_clock::time_point limit) {
    retry_.expires_after(last_answers);
    retry_.async_wait([this, limit](boost::system::error_code) {
      if (!has_left() && std::chrono::steady_clock::now() < limit)
        wind_up(limit);
      else
        http_->stop([this] { asio::post(io_, [this] { end(); }); });
    });
  }

  void end() {
    liveness_.end();
    signals_.cancel();
  }

  [[nodiscard]] bool has_left() const {
    const auto* const cluster = parts().cluster;
    if (cluster == nullptr || !cluster->joined())
      return true;
    const auto state = cluster->latest()->state;
    return state == actors::node_state::left || state == actors::node_state::dead;
  }

  const settings& settings_;
  const std::vector<int> stops_ = stop_signals();
  last_resort last_resort_; // destroyed last: it watches over the end of everything below
  executors executors_;
  asio::io_context& io_ = executors_.gateways; // and signals, timers, the life of the process
  asio::signal_set signals_;
  asio::steady_timer retry_;
  node_liveness liveness_{executors_};
  tls_slot gateway_tls_;
  tls_slot http_tls_;
  std::optional<link_tls> link_tls_;           // until the link has it
  std::shared_ptr<authority> access_;          // set by open_access
  std::shared_ptr<identity_watch> identities_; // set by open_node
  std::shared_ptr<gateway_book> book_ = std::make_shared<gateway_book>();
  const can::stream_id incarnation_ = new_incarnation();
  std::shared_ptr<actors::peer_directory> peers_ = std::make_shared<actors::peer_directory>();
  std::shared_ptr<link_book> link_book_ = std::make_shared<link_book>();
  std::shared_ptr<link_hub> link_;
  std::shared_ptr<const http::base_map> map_;
  const std::shared_ptr<config::settings_board> shown_settings_ =
    std::make_shared<config::settings_board>();
  std::string link_address_;
  std::shared_ptr<forward_lines> forward_; // outlives the node
  std::unique_ptr<actors::node> node_;
  std::unique_ptr<http::http_server> http_;
  std::unique_ptr<gateway_listener> gateways_;
  std::unique_ptr<reloader> reloader_;
  descriptor_limit descriptors_;
  store_watch store_watch_{io_, executors_.people, settings_};
  farm_moves farm_moves_;
  std::string http_address_;
  int exit_code_ = 0;
  bool draining_ = false;
  bool lost_ = false; // the lease, to another process or to a judge
  bool waiting_told_ = false;
};

} // namespace

int run(const settings& settings) {
  return process{settings}.run();
}

} // namespace furrow::daemon
