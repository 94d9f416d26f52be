#include "actors/node.hpp"

#include "actors/background/caretaker.hpp"
#include "actors/background/digester.hpp"
#include "actors/background/sealer.hpp"
#include "actors/ingest/aggregator.hpp"
#include "actors/ingest/claim_desk.hpp"
#include "actors/ingest/fleet.hpp"
#include "actors/ingest/writer.hpp"
#include "actors/live/census.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/supervision/wiring.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/defaults.hpp>
#include <caf/scoped_actor.hpp>
#include <spdlog/spdlog.h>

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
    // A worker without work looks for some, 500 times with this pause, then every 10 ms. CAF's own 50 us
    // take a tenth of a busy node's CPU to save less than a millisecond.
    set("work-stealing.moderate-sleep-duration", caf::timespan{std::chrono::milliseconds{1}});
  }
};

/// The session's line to its machine; says goodbye when it goes.
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
    if (const auto owner = target_->owner())
      caf::anon_send(owner, detach_notice{session_});
  }
  void deliver(received_batch batch) override {
    if (const auto owner = target_->owner())
      caf::anon_send(owner, delivery{session_, std::make_shared<received_batch>(std::move(batch))});
  }

private:
  const std::uint64_t session_;
  std::shared_ptr<link_target> target_;
  std::shared_ptr<census> people_;
};

/// Watches the budget until everything received is durable or let go.
struct drain_state {
  static constexpr const char* name = "drain";
};

caf::behavior drainer(caf::stateful_actor<drain_state>* self,
                      const std::shared_ptr<memory_budget>& budget,
                      std::chrono::steady_clock::time_point deadline,
                      const std::function<void()>& done) {
  self->send(self, std::uint8_t{0});
  return {
    [self, budget, deadline, done](std::uint8_t look) {
      if (budget->used() == 0 || std::chrono::steady_clock::now() >= deadline) {
        done();
        self->quit();
        return;
      }
      self->delayed_send(self, std::chrono::milliseconds{10}, look);
    },
  };
}

/// Hears when the root supervisor ends by itself.
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

class local_node final : public node {
public:
  local_node(node_config config, std::unique_ptr<storage::store> store)
    : config_{std::move(config)}, store_{std::move(store)},
      budget_{memory_budget::make(config_.budget_bytes)}, people_{std::make_shared<census>()},
      wiring_{std::make_shared<wiring>(config_.lanes)}, system_{system_config_} {
    const auto root_id = people_->enter(0, "node " + config_.name, nullptr);
    root_ = system_.spawn(supervisor, root_id, root_children(), people_);
    people_->set_handle(root_id, root_);
    wiring_->wait_for_fleet();
    system_.spawn(watcher, root_, [this](const std::string& why) { root_ended(why); });
  }
  local_node(const local_node&) = delete;
  local_node& operator=(const local_node&) = delete;

  ~local_node() override {
    stopping_ = true;
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    root_ = nullptr;
    system_.await_all_actors_done();
    // Handles must not outlive the actor system.
    wiring_->clear();
    people_->clear();
    // The store's handlers hold actor handles: they must be gone before the actor system is.
    store_.reset();
  }

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
  storage::store& store() override { return *store_; }

  node_stats stats() const override {
    const auto& counters = people_->counters;
    return {counters.sessions,
            counters.frames_received,
            counters.frames_durable,
            counters.items_quarantined,
            counters.duplicates,
            counters.rewinds,
            counters.batches_committed,
            counters.append_failures,
            counters.actor_restarts,
            budget_->limit(),
            budget_->used(),
            budget_->peak(),
            counters.store_up,
            counters.digest_frames,
            counters.digest_commits,
            counters.digest_failures,
            counters.digest_streams_behind,
            counters.digest_items_behind,
            counters.digest_oldest_us,
            counters.frames_sealed,
            counters.chunks_sealed,
            counters.seal_failures,
            counters.partitions_made,
            counters.partitions_waiting,
            counters.partition_rows_stray,
            counters.partitions_dropped,
            counters.frames_expired,
            counters.records_expired,
            counters.care_failures};
  }

  void note_store(bool up) override {
    if (up)
      people_->store_answers();
    else if (people_->counters.store_up.exchange(false))
      spdlog::warn("the database does not answer");
  }

  void list_actors(std::function<void(std::vector<actor_row>)> done) override {
    done(people_->rows());
  }
  void kill_actor(std::uint64_t id, std::function<void(bool)> done) override {
    done(people_->kill(id));
  }
  void list_live(std::function<void(std::vector<live_equipment>)> done) override {
    done(people_->live());
  }

  void look_at(std::string farm,
               std::string equipment,
               std::function<void(std::optional<can::machine_report>)> done) override {
    done(people_->report_of(farm, equipment));
  }

  void drain(std::chrono::milliseconds deadline, std::function<void()> done) override {
    system_.spawn(drainer, budget_, std::chrono::steady_clock::now() + deadline, std::move(done));
  }

  void on_failure(std::function<void(std::string)> failed) override {
    const std::lock_guard lock{failure_mutex_};
    failed_ = std::move(failed);
    if (failed_ && !failure_.empty())
      failed_(failure_);
  }

private:
  void root_ended(const std::string& why) {
    if (stopping_)
      return;
    const std::lock_guard lock{failure_mutex_};
    failure_ = why.empty() ? "the root supervisor ended" : why;
    if (failed_)
      failed_(failure_);
  }

  std::vector<child_spec> storage_children() {
    auto* store = store_.get();
    const restart_policy policy{10, std::chrono::seconds{60}};
    std::vector<child_spec> children;
    children.push_back(
      {"claim-desk",
       [this, store](caf::event_based_actor* parent, std::uint64_t) {
         const claim_desk_config config{config_.claim_retry, std::chrono::seconds{1}};
         return caf::actor_cast<caf::actor>(parent->spawn(claim_desk, config, store, people_));
       },
       [this](const caf::actor& child) {
         wiring_->set_desk(caf::actor_cast<claim_desk_actor>(child));
       },
       policy});
    for (std::size_t lane = 0; lane < config_.lanes; ++lane) {
      const auto number = std::to_string(lane);
      children.push_back({"writer-" + number,
                          [this, store, number](caf::event_based_actor* parent, std::uint64_t) {
                            return caf::actor_cast<caf::actor>(
                              parent->spawn(writer, store, "w" + number));
                          },
                          [this, lane](const caf::actor& child) {
                            wiring_->set_writer(lane, caf::actor_cast<writer_actor>(child));
                          },
                          policy});
      children.push_back({"aggregator-" + number,
                          [this](caf::event_based_actor* parent, std::uint64_t) {
                            return caf::actor_cast<caf::actor>(
                              parent->spawn(aggregator, aggregator_config{}, people_));
                          },
                          [this, lane](const caf::actor& child) {
                            wiring_->set_aggregator(lane, caf::actor_cast<aggregator_actor>(child));
                          },
                          policy});
    }
    if (config_.digest.on && store->capabilities().digest)
      children.push_back({"digest",
                          [this, store](caf::event_based_actor* parent, std::uint64_t) {
                            return caf::actor_cast<caf::actor>(parent->spawn<caf::detached>(
                              digester, config_.digest, store, people_));
                          },
                          [](const caf::actor&) {}, policy});
    if (store->capabilities().sealing && config_.seal_after.count() > 0)
      children.push_back(
        {"sealer",
         [this, store](caf::event_based_actor* parent, std::uint64_t) {
           sealer_config config;
           config.due_after = config_.seal_after;
           config.behind_digest = config_.digest.on && store->capabilities().digest;
           return caf::actor_cast<caf::actor>(parent->spawn(sealer, config, store, people_));
         },
         [](const caf::actor&) {}, policy});
    if (config_.care_interval.count() > 0 && store->capabilities().retention)
      children.push_back({"caretaker",
                          [this, store](caf::event_based_actor* parent, std::uint64_t) {
                            caretaker_config config;
                            config.look_every = config_.care_interval;
                            return caf::actor_cast<caf::actor>(
                              parent->spawn(caretaker, config, store, people_));
                          },
                          [](const caf::actor&) {}, policy});
    return children;
  }

  std::vector<child_spec> root_children() {
    const restart_policy policy{3, std::chrono::seconds{60}};
    child_spec storage{"storage",
                       [this](caf::event_based_actor* parent, std::uint64_t id) {
                         return caf::actor{
                           parent->spawn(supervisor, id, storage_children(), people_)};
                       },
                       [](const caf::actor&) {}, policy};
    child_spec fleet_spec{
      "fleet",
      [this](caf::event_based_actor* parent, std::uint64_t id) {
        fleet_config config;
        config.lanes = config_.lanes;
        config.equipment.block_frames_max = config_.block_frames_max;
        config.equipment.flush_interval = config_.flush_interval;
        config.equipment.passivate_after = config_.passivate_after;
        return caf::actor_cast<caf::actor>(parent->spawn(fleet, id, config, people_));
      },
      [this](const caf::actor& child) { wiring_->set_fleet(caf::actor_cast<fleet_actor>(child)); },
      policy};
    return {std::move(storage), std::move(fleet_spec)};
  }

  const node_config config_;
  std::unique_ptr<storage::store> store_; // outlives the actors, not their system
  std::shared_ptr<memory_budget> budget_;
  std::shared_ptr<census> people_;
  std::shared_ptr<wiring> wiring_;
  std::mutex failure_mutex_;
  std::string failure_;
  std::function<void(std::string)> failed_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> sessions_{0};
  system_config system_config_;
  caf::actor_system system_;
  caf::actor root_;
};

} // namespace

std::unique_ptr<node> start_node(node_config config, std::unique_ptr<storage::store> store) {
  return std::make_unique<local_node>(std::move(config), std::move(store));
}

} // namespace furrow::actors
