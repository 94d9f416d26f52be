/// The decisions of an equipment actor about one stream: which session is current, which items are
/// new, how items become blocks, and how to recover. A plain state machine: events in, actions out.
/// The actor owns timers and messages.
///
/// Shape: there is one way to recover (docs/decisions/0001). When anything is in doubt, the stream is
///   claimed again, and the gateway is asked to send from what the claim found durable. Until then
///   the stream is *adrift*: items are decoded for the live view and dropped.
///   A stream that another node has claimed is left to that node (docs/decisions/0025).
/// Threads: owned by one actor.
/// Limits: holds at most block_frames_max frames, for as long as flush_pace.hpp allows; all other items are
///   under leases in `held_append`s.
#pragma once

#include "actors/session/memory_budget.hpp"
#include "actors/session/session.hpp"
#include "can/live/machine_monitor.hpp"
#include "proto/wire.hpp"
#include "storage/store.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace furrow::actors {

/// An append with the leases of its items.
struct held_append {
  storage::stream_append append;
  std::vector<memory_lease> leases;
  std::chrono::milliseconds patience{0}; // how long it may gather with those of other machines
};

/// What a stream tells a session; `session` is the number that the actor gave it.
struct session_notice {
  struct welcome {
    std::int64_t epoch = 0; // 0: for the live view only, another welcome follows
    std::uint64_t resume_from = 1;
  };
  struct ack {
    std::uint64_t durable_seq = 0;
  };
  struct rewind {
    std::uint64_t from_seq = 1;
  };
  /// Another node serves the stream: the session closes without a message.
  struct yield {};
  std::uint64_t session = 0;
  std::variant<welcome, ack, rewind, proto::reject, yield> what;
};

/// The stream needs a claim; the answer comes back with the same ticket.
struct claim_wish {
  std::uint64_t ticket = 0;
  /// Before the claim is sent: longer while claims succeed and appends fail. It is sent only if the stream awaits it then.
  std::chrono::milliseconds wait{0};
  storage::claim_request request;
};

/// Nobody waits for the claim of that ticket any more.
struct claim_withdrawal {
  std::uint64_t ticket = 0;
};

/// The machine's farm lives in another database: its actor ends without a word, and the gateways that come again start it
/// there.
struct farm_departure {
  storage::farm_home to;
};

using intake_action = std::variant<session_notice,
                                   claim_wish,
                                   claim_withdrawal,
                                   farm_departure,
                                   std::shared_ptr<held_append>>;

class stream_intake {
public:
  struct totals {
    std::uint64_t frames = 0; // new ones, decoded
    std::uint64_t duplicates = 0;
    std::uint64_t rewinds = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t ahead = 0; // of the new frames, those that are stamped after `ahead_after`
  };

  explicit stream_intake(std::size_t block_frames_max) : block_frames_max_{block_frames_max} {}

  using actions = std::vector<intake_action>;
  using time_point = std::chrono::steady_clock::time_point;
  /// A session greets. The newest session wins; an older one is rejected as superseded.
  void greet(std::uint64_t session, const greeting& from, actions& out);
  void claimed(std::uint64_t ticket, const storage::claim_outcome& outcome, actions& out);
  /// The claim is retried later. Until then the gateway's items are only shown live.
  void claim_delayed(std::uint64_t ticket, actions& out);
  /// The claim can never succeed.
  void claim_failed(std::uint64_t ticket, const storage::failure& why, actions& out);
  /// Shows new items to `machine` and packs them. The leases are released when the items are durable
  /// or dropped.
  void received(std::uint64_t session,
                proto::batch batch,
                std::vector<memory_lease> leases,
                can::machine_monitor& machine,
                actions& out);
  /// A sample of a session: the newest frames of the machine, at most up to item `as_of`. Items up to there that come
  /// later are shown as late ones. Nothing of it is packed. False: the session is superseded.
  [[nodiscard]] bool sampled(std::uint64_t session, std::uint64_t as_of);
  /// Sends the packed items as an append, which may gather with others for `patience`.
  void flush(actions& out, std::chrono::milliseconds patience = std::chrono::milliseconds{0});
  void committed(std::int64_t epoch, std::uint64_t to, actions& out);
  /// An append of `epoch` was not stored, or is in doubt; `fenced`: a newer claim of this node exists, or the database
  /// holds less than it did.
  void append_failed(std::int64_t epoch, bool fenced, actions& out);
  /// An append of `epoch` was not stored, because another node has claimed the stream.
  void append_taken(std::int64_t epoch, time_point now, actions& out);
  /// Nothing was claimed, because another node has claimed the stream.
  void claim_taken(std::uint64_t ticket, time_point now, actions& out);
  /// Nothing was claimed, because the farm lives in another database.
  void claim_moved(std::uint64_t ticket, const storage::farm_home& to, actions& out);
  /// Whether the claim with that ticket is the one that the stream waits for.
  [[nodiscard]] bool awaits(std::uint64_t ticket) const { return claiming_ && ticket == ticket_; }
  /// The claim desk died with this stream's claim.
  void desk_lost(actions& out);
  /// The lane died with this stream's appends.
  void lane_lost(actions& out);
  /// The database was failed over and has this timeline now: it may hold less than was acked. A stream with items on their
  /// way learns that from its append; an idle one asks.
  void store_replaced(std::uint64_t timeline, actions& out);
  void detach(std::uint64_t session, actions& out);
  /// Frames stamped later have a wrong clock: they are stored as they are, and counted.
  void set_ahead_after(std::int64_t time_us) { ahead_after_us_ = time_us; }
  /// The latest time of the frames that were counted so.
  [[nodiscard]] std::int64_t latest_ahead_us() const { return latest_ahead_us_; }

  [[nodiscard]] bool packed() const {
    return !pending_.leases.empty() || packed_to_ > packed_from_;
  }
  [[nodiscard]] std::uint64_t packed_items() const { return packed_to_ - packed_from_; }
  [[nodiscard]] std::size_t packed_bytes() const { return pending_bytes_; }
  [[nodiscard]] bool attached() const { return session_ != 0; }
  [[nodiscard]] bool adrift() const { return phase_ == phase::adrift; }
  [[nodiscard]] bool idle() const; // no session, no claim, no append and no packed item
  [[nodiscard]] std::int64_t epoch() const { return claim_.epoch; }
  [[nodiscard]] std::uint64_t durable_seq() const { return durable_; }
  [[nodiscard]] std::uint64_t received_seq() const { return next_ - 1; }
  [[nodiscard]] std::uint64_t sent_seq() const { return sent_; }
  [[nodiscard]] const totals& counted() const { return counted_; }

private:
  /// unclaimed: a claim is requested and the session is not welcomed yet. open: claimed, items are
  /// packed. adrift: a claim is requested, items are shown live and dropped.
  enum class phase : std::uint8_t { unclaimed, open, adrift };

  void want_claim(actions& out);
  void notify(actions& out, decltype(session_notice::what) what);
  void start_over(std::uint64_t durable);
  void drop_pending();
  void end_session();
  void yield(time_point now, actions& out);
  void go_adrift(actions& out);
  void note_buses(const std::vector<can::bus_name>& buses);
  void take(proto::item_group& group,
            std::uint64_t first,
            std::uint64_t skip,
            can::machine_monitor& machine);
  void count_ahead(const can::frame_block& block, std::uint64_t skip);
  void take_frames(can::frame_block& block,
                   std::uint64_t first,
                   std::uint64_t skip,
                   can::machine_monitor& machine);
  /// Shows the items of a block after number `after`.
  void show(const can::frame_block& block,
            std::uint64_t first,
            std::uint64_t after,
            can::machine_monitor& machine);
  void take_gone(const can::gone_items& gone, std::uint64_t first, std::uint64_t skip);
  void take_records(std::vector<can::record>& records, std::uint64_t first, std::uint64_t skip);
  void pack_frames(const can::frame_block& block,
                   std::uint64_t seq,
                   std::size_t first,
                   std::size_t count);
  void pack_checked(const can::frame_block& block,
                    std::uint64_t seq,
                    std::size_t first,
                    std::size_t count);
  void hear(const proto::batch& batch, can::machine_monitor& machine);

  const std::size_t block_frames_max_;
  phase phase_ = phase::unclaimed;
  std::uint64_t session_ = 0;
  storage::claim_request request_;
  std::uint64_t hello_first_ = 1;
  std::uint64_t ticket_ = 0;
  bool claiming_ = false;
  bool welcomed_ = false; // the session has a welcome; the next message is a rewind
  storage::stream_claim claim_;

  std::uint64_t durable_ = 0;
  std::uint64_t next_ = 1;        // the item expected from the gateway
  std::uint64_t packed_from_ = 0; // pending_ holds (packed_from_, packed_to_]
  std::uint64_t packed_to_ = 0;
  std::uint64_t in_flight_to_ = 0;
  std::uint64_t sent_ = 0;
  static constexpr int fences_max = 3;
  static constexpr std::size_t yields_max = 3;
  static constexpr std::chrono::seconds yields_window{30};
  std::array<std::optional<time_point>, yields_max - 1>
    yields_{};              // the last ones, the newest first
  int fences_ = 0;          // fences in a row, without a commit between
  int failures_ = 0;        // failed appends in a row
  std::uint64_t heard_ = 0; // while adrift: the newest item seen
  /// The newest item that the machine's monitor has seen. Items that come again after a rewind are
  /// packed and not shown again: the live view never goes back.
  std::uint64_t shown_ = 0;
  std::uint64_t sampled_to_ = 0; // up to this item samples came before the items
  bool rewinding_ = false;       // a rewind was sent, and its items have not arrived yet
  std::size_t pending_frames_ = 0;
  std::size_t pending_bytes_ = 0; // of the leases
  held_append pending_;
  std::vector<can::bus_name> buses_;     // all buses that the gateway has named
  std::vector<can::bus_name> new_buses_; // buses to store with the next append
  totals counted_;
  std::int64_t ahead_after_us_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t latest_ahead_us_ = 0;
};

} // namespace furrow::actors
