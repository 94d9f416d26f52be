/// All messages between Furrow's actors. They stay in one process. A message owns what it points to.
/// Large content is moved on, not shared.
#pragma once

#include "actors/ingest/stream_intake.hpp"
#include "actors/interfaces.hpp"
#include "storage/digest_store.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/membership.hpp"
#include "storage/partitions.hpp"
#include "storage/retention.hpp"
#include "storage/sealing.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace furrow::actors {

/// The receiver of a session's batches: set when the fleet has found or started the machine.
class link_target {
public:
  void set(equipment_actor owner) {
    const std::lock_guard lock{mutex_};
    owner_ = std::move(owner);
  }
  /// The session has ended. Returns who is to hear it; nobody when its greeting was not passed on yet.
  [[nodiscard]] equipment_actor end() {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    return owner_;
  }
  /// A session may end before its greeting comes to the machine: then no notice follows.
  [[nodiscard]] bool ended() const {
    const std::lock_guard lock{mutex_};
    return ended_;
  }
  [[nodiscard]] equipment_actor owner() const {
    const std::lock_guard lock{mutex_};
    return owner_;
  }

private:
  mutable std::mutex mutex_;
  equipment_actor owner_;
  bool ended_ = false;
};

/// Owns a session's port. The destructor drops the session, so that the gateway reconnects, unless
/// `let_go` was called.
class held_port {
public:
  held_port() = default;
  explicit held_port(std::shared_ptr<session_port> port) : port_{std::move(port)} {}
  held_port(held_port&&) noexcept = default;
  held_port& operator=(held_port&& other) noexcept {
    if (port_ != nullptr && port_ != other.port_)
      port_->drop();
    port_ = std::move(other.port_);
    return *this;
  }
  held_port(const held_port&) = delete;
  held_port& operator=(const held_port&) = delete;
  ~held_port() {
    if (port_ != nullptr)
      port_->drop();
  }
  session_port* operator->() const { return port_.get(); }
  void let_go() { port_.reset(); }

private:
  std::shared_ptr<session_port> port_;
};

/// A request for a machine's report. The destructor answers with nothing if the actor did not answer.
class held_report {
public:
  using handler = std::function<void(std::optional<can::machine_report>)>;
  explicit held_report(handler done) : done_{std::move(done)} {}
  held_report(const held_report&) = delete;
  held_report& operator=(const held_report&) = delete;
  ~held_report() {
    if (done_)
      done_(std::nullopt);
  }
  void answer(can::machine_report report) { std::exchange(done_, {})(std::move(report)); }

private:
  handler done_;
};

struct report_wish {
  std::shared_ptr<held_report> from;
};

struct attach_order {
  std::uint64_t session = 0; // unique in the node
  std::shared_ptr<const greeting> from;
  std::shared_ptr<held_port> port; // the receiver moves the port out
  std::shared_ptr<link_target> target;
};

struct delivery {
  std::uint64_t session = 0;
  std::shared_ptr<received_batch> batch; // the receiver moves its content out
};

struct showing {
  std::uint64_t session = 0;
  std::shared_ptr<received_sample> sample;
};

struct detach_notice {
  std::uint64_t session = 0;
};

/// The gateways of the machine are to leave: what is packed goes to the database now.
struct hurry_notice {};

/// The stream that a request is for; returned with the answer.
struct stream_origin {
  equipment_actor owner;
  std::uint32_t slot = 0;
};

struct claim_order {
  stream_origin origin;
  claim_wish wish;
};

struct claim_cancel {
  stream_origin origin;
  std::uint64_t ticket = 0;
};

struct claim_answer {
  std::uint32_t slot = 0;
  std::uint64_t ticket = 0;
  enum class kind : std::uint8_t { claimed, delayed, refused, taken, moved } what = kind::delayed;
  storage::claim_outcome outcome; // claimed, moved
  storage::failure why;           // refused
};

/// From the store's thread to the desk.
struct claim_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<std::vector<storage::claim_outcome>>> outcome;
};

struct append_order {
  stream_origin origin;
  std::shared_ptr<held_append> held;
};

struct append_answer {
  std::uint32_t slot = 0;
  std::int64_t epoch = 0;
  std::uint64_t to = 0;
  enum class kind : std::uint8_t { committed, failed, fenced, taken } what = kind::failed;
};

struct append_job {
  std::uint64_t call = 0;
  std::shared_ptr<const storage::append_batch> batch;
  aggregator_actor from;
};

struct append_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::append_outcome>> outcome;
};

struct flush_due {
  std::uint32_t slot = 0;
};
/// To itself: send this claim now, if the stream still awaits it.
struct claim_due {
  std::uint32_t slot = 0;
  claim_wish wish;
};
struct passivation_due {};
struct retry_due {};
struct held_due {};
struct gather_due {};
struct hang_due {};

struct digest_due {};

/// From the store's thread to the digest.
struct digest_reply {
  using answer = std::variant<storage::result<std::vector<std::int32_t>>,
                              storage::result<std::vector<storage::digest_stream>>,
                              storage::result<std::vector<storage::digest_page>>,
                              storage::result<std::vector<bool>>>;
  std::uint64_t call = 0;
  std::shared_ptr<answer> outcome;
};

struct seal_due {};

/// From the store's thread to the sealer.
struct seal_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::seal_outcome>> outcome;
};

struct care_due {};

/// From the store's thread to the caretaker.
struct partitions_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::partition_outcome>> outcome;
};
struct expire_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::expire_outcome>> outcome;
};

/// What the database knows of the machines, for their newest frame.
struct newest_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<std::vector<storage::equipment_row>>> outcome;
};

/// Whether something is to be asked about the lease; tick 0: look now, whatever timer runs.
struct lease_due {
  std::uint64_t tick = 0;
};

/// From the store's thread to the membership actor.
struct beat_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::beat_outcome>> outcome;
};
struct judge_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::judgement>> outcome;
};
struct leave_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<done>> outcome;
};
struct settle_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::machine_names>> outcome;
};
struct unsettle_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<storage::machine_names>> outcome;
};
struct pins_reply {
  std::uint64_t call = 0;
  std::shared_ptr<storage::result<std::vector<storage::machine_home>>> outcome;
};

/// From the directory's thread to the fleet: where a farm lives.
struct home_answer {
  std::string farm;
  std::shared_ptr<storage::result<storage::home_stores::home>> outcome;
};
/// To itself: some gateways may have waited long enough for the home of their farm.
struct homes_due {};

/// A database was failed over and has this timeline now.
struct store_replaced {
  std::uint64_t timeline = 0;
  std::size_t home = 0; // its index, as of those below
};

struct lane_changed {
  std::size_t home = 0;
  std::size_t lane = 0;
  aggregator_actor aggregator;
};
struct desk_changed {
  std::size_t home = 0;
  claim_desk_actor desk;
};
struct writer_changed {
  writer_actor writer;
};

} // namespace furrow::actors
