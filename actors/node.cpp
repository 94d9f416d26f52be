#include "actors/node.hpp"

#include "actors/cluster/cached_peers.hpp"
#include "actors/cluster/cluster_board.hpp"
#include "actors/cluster/running_peers.hpp"
#include "actors/forward/forward_board.hpp"
#include "actors/live/census.hpp"
#include "actors/live/database_checks.hpp"
#include "actors/live/machine_reports.hpp"
#include "actors/live/node_meter.hpp"
#include "actors/live/wall_clock.hpp"
#include "actors/session/gate.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/supervision/wiring.hpp"
#include "actors/tree.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/store.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/defaults.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace furrow::actors {

namespace {

struct system_config : caf::actor_system_config {
  system_config() {
    // CAF would start four threads on two cores.
    set("scheduler.max-threads", std::max<std::size_t>(2, std::thread::hardware_concurrency()));
    // One queue, at which workers without work sleep. With work stealing they look for some all the time, every 10 ms
    // at best: an idle node then takes 2 % of a core. Messages are batches, so the one lock is not felt.
    set("scheduler.policy", caf::atom("sharing"));
  }
};

/// The session's connection to its machine; the destructor detaches the session.
class session_link final : public equipment_link {
public:
  session_link(std::uint64_t session,
               std::shared_ptr<link_target> target,
               std::shared_ptr<census> people)
    : session_{session}, target_{std::move(target)}, people_{std::move(people)} {
    ++people_->counters.sessions;
  }
  session_link(const session_link&) = delete;
  session_link& operator=(const session_link&) = delete;
  ~session_link() override {
    --people_->counters.sessions;
    if (const auto owner = target_->end())
      caf::anon_send(owner, detach_notice{session_});
  }
  void deliver(received_batch batch) override {
    if (const auto owner = target_->owner())
      caf::anon_send(owner, delivery{session_, std::make_shared<received_batch>(std::move(batch))});
  }
  void show(received_sample sample) override {
    if (const auto owner = target_->owner())
      caf::anon_send(owner,
                     showing{session_, std::make_shared<received_sample>(std::move(sample))});
  }
  void hurry() override {
    if (const auto owner = target_->owner())
      caf::anon_send(owner, hurry_notice{});
  }

private:
  const std::uint64_t session_;
  std::shared_ptr<link_target> target_;
  std::shared_ptr<census> people_;
};

/// Watches the budget until all received items are durable or dropped.
struct drain_state {
  static constexpr const char* name = "drain";
};

caf::behavior drainer(caf::stateful_actor<drain_state>* self,
                      const std::shared_ptr<memory_budget>& budget,
                      std::chrono::milliseconds limit,
                      const std::function<void()>& done) {
  const auto deadline = self->clock().now() + limit;
  self->send(self, std::uint8_t{0});
  return {
    [self, budget, deadline, done](std::uint8_t look) {
      if (budget->used() == 0 || self->clock().now() >= deadline) {
        done();
        self->quit();
        return;
      }
      self->delayed_send(self, std::chrono::milliseconds{10}, look);
    },
  };
}

/// Lives for one pulse: a worker starts it, the clock of the actor system wakes it.
struct heartbeat_state {
  static constexpr const char* name = "heartbeat";
};

caf::behavior heartbeat(caf::stateful_actor<heartbeat_state>* self,
                        const std::function<void()>& back) {
  self->delayed_send(self, std::chrono::milliseconds{1}, std::uint8_t{0});
  return {
    [self, back](std::uint8_t) {
      back();
      self->quit();
    },
  };
}

/// Calls back when the root supervisor ends unexpectedly.
struct watch_state {
  static constexpr const char* name = "watch";
};

caf::behavior watcher(caf::stateful_actor<watch_state>* self,
                      const caf::actor& root,
                      std::function<void(std::string)> ended) {
  self->monitor(root);
  self->set_down_handler([self, ended = std::move(ended)](const caf::down_msg& down) {
    ended(self->system().render(down.reason));
    self->quit();
  });
  return {[](std::uint8_t) {}};
}

/// Half of the budget: a body needs one byte for each while it comes, and three afterwards, but for a shorter time.
std::size_t arrival_bytes(const node_config& config) {
  return config.budget_bytes / 2;
}

class local_node final : public node,
                         public gate,
                         public node_meter,
                         public machine_reports,
                         public database_checks {
public:
  local_node(node_config config,
             std::shared_ptr<storage::home_stores> homes,
             link_parts link,
             std::shared_ptr<forward_port> forward)
    : config_{std::move(config)}, link_{std::move(link)}, forward_{std::move(forward)},
      forward_state_{forward_ ? std::make_shared<forward_board>(forward_->target()) : nullptr},
      homes_{std::move(homes)}, budget_{memory_budget::make(config_.budget_bytes
                                                            - arrival_bytes(config_))},
      arrivals_{arrival_room::make(arrival_bytes(config_))}, people_{std::make_shared<census>()},
      wiring_{std::make_shared<wiring>(config_.lanes)}, cluster_{std::make_shared<cluster_board>(
                                                          storage::node_identity{
                                                            config_.name, config_.incarnation})},
      system_{system_config_} {
    people_->counters.certificate_expires_us = config_.certificate_expires_us;
    const auto root_id = people_->enter(0, "node " + config_.name, nullptr);
    root_ = system_.spawn(supervisor, root_id, node_tree(shared_by_actors()), people_);
    people_->set_handle(root_id, root_);
    wiring_->set_root(root_);
    cluster_->on_orders([wiring = wiring_] { wiring->hurry_membership(); });
    people_->on_last_restart([this](const std::string& why) {
      people_->counters.last_restart = true;
      tell_failure(why);
    });
    wiring_->wait_for_fleet();
    follow_homes();
    watcher_ = system_.spawn(watcher, root_, [this](const std::string& why) { root_ended(why); });
  }
  local_node(const local_node&) = delete;
  local_node& operator=(const local_node&) = delete;

  ~local_node() override {
    stopping_ = true;
    if (link_.directory)
      link_.directory->listen({});
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    root_ = nullptr;
    watcher_ = nullptr;
    system_.await_all_actors_done();
    if (link_.directory)
      link_.directory->listen({}); // once more: the peers may have been restarted meanwhile
    // Handles must not outlive the actor system.
    if (forward_)
      forward_->stop();
    wiring_->clear();
    people_->clear();
    roster_->clear();
    // The stores' handlers hold actor handles: they must end before the actor system.
    store_.reset();
    homes_.reset();
  }

  [[nodiscard]] const node_parts& parts() const override { return parts_; }

  std::unique_ptr<equipment_link> attach(greeting from,
                                         std::shared_ptr<session_port> port) override {
    const auto session = ++sessions_;
    auto target = std::make_shared<link_target>();
    auto link = std::make_unique<session_link>(session, target, people_);
    caf::anon_send(wiring_->fleet(),
                   attach_order{session, std::make_shared<const greeting>(std::move(from)),
                                std::make_shared<held_port>(std::move(port)), std::move(target)});
    return link;
  }

  std::shared_ptr<memory_budget> budget() override { return budget_; }
  arrival_room arrivals() override { return arrivals_; }

  bool is_store_up() const override { return people_->counters.store_up; }
  std::uint64_t items_quarantined() const override { return people_->counters.items_quarantined; }
  node_stats stats() const override {
    node_stats made;
    for_each_counter([](const counter_label&, auto& to, const auto& from) { to = from; }, made,
                     people_->counters);
    const auto held = budget_->used();
    made.budget_bytes = config_.budget_bytes;
    made.budget_used = held + arrivals_.used();
    made.budget_peak = budget_->peak() + arrivals_.peak();
    const auto now = system_.clock().now();
    const auto& stall = people_->home(storage::home_stores::main).stall;
    made.stalled_s = static_cast<std::uint64_t>(stall.since(now).count());
    made.streams_held = stall.streams_held();
    made.store_fault = people_->store_fault();
    made.dead_nodes = dead_nodes();
    made.failing = people_->failing(now);
    made.failing_parts = people_->failing(now, false);
    made.databases = people_->databases(now);
    for (const auto& [name, why] : homes_->unusable())
      made.databases.push_back({name, false, in_public(why.detail), 0});
    return made;
  }

  void note_check(std::size_t home, const check_result& found) override {
    const auto now = system_.clock().now();
    if (!found.up) {
      people_->store_failed(store_work::check, {storage::errc::retry_later, found.why}, now, home);
      return;
    }
    // Membership looks at the server of main.
    if (home != storage::home_stores::main && people_->timeline_seen(home, found.timeline, now))
      wiring_->store_replaced(home, found.timeline);
    people_->store_succeeded(store_work::check, now, home);
  }

  void look_at(std::string farm,
               std::string equipment,
               std::function<void(std::optional<can::machine_report>)> done) override {
    report_wish wish{std::make_shared<held_report>(std::move(done))};
    if (const auto owner =
          caf::actor_cast<equipment_actor>(people_->board.owner_of(farm, equipment)))
      caf::anon_send(owner, std::move(wish));
  }

  void drain(std::chrono::milliseconds deadline, std::function<void()> done) override {
    system_.spawn(drainer, budget_, deadline, std::move(done));
  }

  void pulse(const std::function<void()>& back) override { system_.spawn(heartbeat, back); }

  void on_failure(std::function<void(std::string)> failed) override {
    failed = tell_failure_later(std::move(failed));
    if (failed)
      failed(failure_);
  }

private:
  /// The view of the cluster; nothing for a node that is alone.
  std::unique_ptr<peer_nodes> peers_of_node() {
    if (!link_.port)
      return nullptr;
    return std::make_unique<cached_peers>(std::make_unique<running_peers>(
      system_, roster_,
      local_answers{people_,
                    [this](const std::string& farm, const std::string& equipment, auto done) {
                      look_at(farm, equipment, std::move(done));
                    },
                    link_.report_text,
                    [this]() -> std::optional<std::uint32_t> {
                      const auto age = cluster_->latest()->lease_age(system_.clock().now());
                      if (!age)
                        return std::nullopt;
                      return static_cast<std::uint32_t>(age->count());
                    }}));
  }

  tree_parts shared_by_actors() {
    return {config_,
            homes_.get(),
            people_,
            wiring_,
            cluster_,
            [this] {
              const auto stalled =
                people_->home(storage::home_stores::main).stall.since(system_.clock().now());
              return std::chrono::milliseconds{stalled};
            },
            link_,
            roster_,
            budget_,
            forward_,
            forward_state_,
            store_.get()};
  }

  /// A database that is opened later gets its branch of the tree then. The listener runs on a thread of a store.
  void follow_homes() {
    auto kept = shared_by_actors();
    kept.lag = {};
    homes_->on_open([kept](const storage::home_stores::home& one) {
      kept.people->name_home(one.index, one.name);
      ++kept.people->homes_open;
      kept.places->add_branch(storage_branch(kept, one));
    });
  }

  /// Those that died within the last day: of an older death everybody knows.
  std::string dead_nodes() const {
    constexpr std::int64_t day_us = 86'400'000'000;
    const auto view = cluster_->latest();
    const auto now_us = wall_clock_us();
    std::string out;
    for (const auto& one : view->nodes)
      if (one.status == storage::node_status::dead && now_us - one.since_us < day_us)
        out += (out.empty() ? "" : ", ") + one.who.name;
    return out;
  }

  /// Returns the listener if there is a failure to report now; keeps it otherwise.
  std::function<void(std::string)> tell_failure_later(std::function<void(std::string)> failed) {
    const std::lock_guard lock{failure_mutex_};
    if (!failure_.empty())
      return failed;
    failed_ = std::move(failed);
    return {};
  }

  void root_ended(const std::string& why) {
    if (stopping_)
      return;
    people_->counters.gave_up = true;
    tell_failure(why.empty() ? "the root supervisor ended" : why);
  }

  void tell_failure(const std::string& why) {
    std::function<void(std::string)> failed;
    {
      const std::lock_guard lock{failure_mutex_};
      failure_ = why;
      failed = std::exchange(failed_, nullptr);
    }
    if (failed)
      failed(why);
  }

  const node_config config_;
  const link_parts link_;
  const std::shared_ptr<forward_port> forward_;
  const std::shared_ptr<forward_board> forward_state_;
  const std::shared_ptr<peer_roster> roster_ = std::make_shared<peer_roster>();
  std::shared_ptr<storage::home_stores> homes_; // outlive the actors, not the actor system
  std::unique_ptr<storage::store> store_ = storage::route_by_farm(homes_, census::home_missing);
  std::shared_ptr<memory_budget> budget_;
  arrival_room arrivals_;
  std::shared_ptr<census> people_;
  std::shared_ptr<wiring> wiring_;
  std::shared_ptr<cluster_board> cluster_;
  std::mutex failure_mutex_;
  std::string failure_;
  std::function<void(std::string)> failed_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> sessions_{0};
  system_config system_config_;
  mutable caf::actor_system system_; // mutable: the clock of a const system cannot be read
  const std::unique_ptr<peer_nodes> view_ = peers_of_node();
  const node_parts parts_{
    shown_parts{.store = *store_,
                .meter = *this,
                .machines = people_->board,
                .reports = *this,
                .read_lately = people_->read_lately,
                .actors = *people_,
                .dbc = people_->dbc,
                .cluster = homes_->open().front().store->capabilities().membership ? cluster_.get()
                                                                                   : nullptr,
                .peers = view_.get(),
                .forwarding = forward_state_.get()},
    *this, *homes_, *this, people_->counters};
  caf::actor root_;
  caf::actor watcher_; // keeps the watcher alive: CAF ends an actor without references
};

} // namespace

std::unique_ptr<node> start_node(node_config config,
                                 std::shared_ptr<storage::home_stores> homes,
                                 link_parts link,
                                 std::shared_ptr<forward_port> forward) {
  return std::make_unique<local_node>(std::move(config), std::move(homes), std::move(link),
                                      std::move(forward));
}

} // namespace furrow::actors
