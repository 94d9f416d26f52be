/// The gateway's side of the conversation with a node, as decisions without a socket: events and the time in, actions
/// out.
///
/// Shape: connect, hello, welcome, batches, until something ends the session; then the next node. An item is durable
///   only if a node says so; until then the store keeps it. A gateway that waits for an answer leaves a silent node
///   within seconds; each time that all nodes have failed it waits twice as long, so that busy nodes are not left.
/// Errors: an error that a person must fix (`stop`) ends the uplink; all others are retried.
/// Threads: owned by one thread, which also calls the store.
/// Limits: a batch has about batch_bytes; the caller asks for the next batch while it has room. After a connection that
///   was cut before all was acked, batches are smaller, down to batch_bytes_least, and a block may be divided: a line that
///   is cut again and again brings at least a small batch through each time. With each ack they grow again.
///   blocks_read_max blocks are read for one batch; small ones become one group. While a backlog waits, samples of the
///   newest frames go between batches (sample_pace.hpp), and line_gauge.hpp limits what is on its way.
/// Source: docs/wire-protocol.md.
#pragma once

#include "actors/log/log.hpp"
#include "proto/wire.hpp"
#include "tools/furrow-edge/spool/item_store.hpp"
#include "tools/furrow-edge/uplink/line_gauge.hpp"
#include "tools/furrow-edge/uplink/node_list.hpp"
#include "tools/furrow-edge/uplink/sample_pace.hpp"
#include "tools/furrow-edge/uplink/send_pace.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace furrow::edge {

struct uplink_config {
  std::string equipment;
  std::string token;
  std::string software;
  std::optional<std::uint64_t> iso_name;
  std::vector<std::string> nodes;             // HOST:PORT, at least one
  std::uint64_t seed = 0;                     // for the jitter
  bool accept_loss = false;                   // continue if the node needs items that are gone
  std::vector<can::source_mark> sources = {}; // files that no other stream of the machine may hold
  std::size_t batch_bytes = 256U << 10U;
  static constexpr std::size_t batch_bytes_least = 2U << 10U;
  static constexpr std::size_t blocks_read_max = 1'024;
  std::optional<std::chrono::milliseconds> interval =
    {}; // between two bursts; none: as the node says
  std::chrono::milliseconds connect_timeout{
    2'000}; // doubles each time round the nodes, up to connect_longest
  std::chrono::milliseconds connect_longest{10'000};
  std::chrono::milliseconds welcome_timeout{
    30'000}; // a claim waits for the database; the node answers pings meanwhile
  std::chrono::milliseconds welcome_silence{
    2'500}; // doubles each time round the nodes, up to welcome_timeout
  std::chrono::milliseconds leave_timeout{
    500}; // from a Goaway to leaving with items that are not acked
};

struct uplink_action {
  struct connect {
    std::string node;
  };
  struct send {
    std::string bytes;
  };
  /// Nothing more is expected from this connection.
  struct close {};
  /// The uplink has ended; a person must act.
  struct stop {
    failure why;
  };
  struct note {
    log::level how;
    log::event event;
    std::string node; // the one in turn
    std::string text;
  };
  using any = std::variant<connect, send, close, stop, note>;
};

class uplink_protocol {
public:
  using time_point = std::chrono::steady_clock::time_point;

  uplink_protocol(uplink_config config, item_store& store);

  void start(time_point now);
  void connected(time_point now);
  /// The connection could not be made, or is lost.
  void disconnected(time_point now, const std::string& why);
  void received(time_point now, const proto::message& what);
  /// The received bytes were not a message.
  void received_garbage(time_point now, const std::string& why);
  void tick(time_point now);

  /// What is new, or comes next, does not wait for the pace.
  void hurry() { pace_.hurry(); }

  /// Returns the next batch or sample as bytes for the socket, if there is one to send; a ping may follow in them. Asked
  /// again after `tick` and `received`.
  [[nodiscard]] std::optional<std::string> next_batch(time_point now);

  /// When `tick` is next due; nothing once stopped.
  [[nodiscard]] std::optional<time_point> deadline() const;
  [[nodiscard]] std::vector<uplink_action::any> take_actions();

  /// The size of the next batch; smaller than config.batch_bytes on a bad line.
  [[nodiscard]] std::size_t batch_bytes() const { return batch_bytes_; }
  /// Whether samples of the newest frames go beside a backlog.
  [[nodiscard]] bool behind() const { return samples_.behind(); }
  [[nodiscard]] bool streaming() const { return phase_ == phase::streaming; }
  [[nodiscard]] bool ever_connected() const { return ever_connected_; }
  /// Whether a node has welcomed this gateway, or an attempt has failed.
  [[nodiscard]] bool tried() const { return tried_; }
  [[nodiscard]] const std::string& node() const { return nodes_.current(); }
  /// How often a node has asked for items again.
  [[nodiscard]] std::uint64_t rewinds() const { return rewinds_; }
  /// Between two bursts; 0: at once.
  [[nodiscard]] std::chrono::milliseconds interval() const { return pace_.interval(); }

  /// From the next Hello on.
  void use_token(std::string token) { config_.token = std::move(token); }

private:
  enum class phase : std::uint8_t {
    idle,
    waiting,
    connecting,
    greeting,
    streaming,
    leaving, // after a Goaway: sends no more items, waits for acks
    stopped
  };
  enum class step : std::uint8_t { ping, leave };
  struct due_step {
    time_point at;
    step what;
  };

  void connect(time_point now);
  void wait(time_point now, std::chrono::milliseconds pause);
  void drop(time_point now, const std::string& why);
  void stop(failure why);
  void say(log::level how, log::event event, std::string text);
  void send(time_point now, const proto::message& what);
  void missing(time_point now, std::uint64_t needed_from);
  void shrink_batches();
  [[nodiscard]] std::size_t batch_limit() const;
  result<std::vector<item_block>> next_blocks();
  void begin_samples(time_point now);
  [[nodiscard]] sample_pace::standing standing() const;
  [[nodiscard]] bool may_sample() const;
  std::optional<std::string> next_sample(time_point now);
  [[nodiscard]] std::optional<time_point> sample_due() const;
  void gauge(time_point now, std::string& bytes, bool must = false);
  [[nodiscard]] bool understood(const std::vector<item_block>& blocks) const;
  void go_on_without(time_point now, const std::string& loss);

  void hear(time_point now, const proto::welcome& m);
  void hear(time_point now, const proto::redirect& m);
  void hear(time_point now, const proto::reject& m);
  void hear(time_point now, const proto::ack& m);
  void hear(time_point now, const proto::rewind& m);
  void hear(time_point now, const proto::goaway& m);
  void hear(time_point now, const proto::ping& m);
  void hear(time_point now, const proto::pong& m);
  void hear(time_point now, const proto::pace& m);
  void hear(time_point now, const proto::hello& m);
  void hear(time_point now, const proto::batch& m);
  void hear(time_point now, const proto::sample& m);
  void refused(time_point now, const proto::reject& m);
  void forked(time_point now, const proto::reject& m);
  void point_to(time_point now, const std::string& node, const std::string& why);
  void leave_when_acked(time_point now);
  [[nodiscard]] bool is_acked() const { return store_.acked_seq() + 1 >= next_seq_; }
  /// Whether a connection was made, and nothing has come over it: something in between may have taken it.
  [[nodiscard]] bool is_unanswered() const {
    return phase_ == phase::greeting && heard_at_ == in_flight_;
  }
  /// The limit, doubled for each time that all nodes have failed.
  [[nodiscard]] std::chrono::milliseconds patience(std::chrono::milliseconds limit,
                                                   std::chrono::milliseconds longest) const;
  /// What a silent node is given next, and when: a ping, or up.
  [[nodiscard]] due_step after_silence() const;
  /// When the node must hear something of this gateway.
  [[nodiscard]] time_point ask_at() const;

  uplink_config config_;
  item_store& store_;
  node_list nodes_;
  std::vector<uplink_action::any> actions_;
  phase phase_ = phase::idle;
  time_point deadline_{};   // of waiting, connecting, greeting or leaving
  time_point sent_at_{};    // the last message to the node
  time_point heard_at_{};   // the last message from the node
  time_point asked_at_{};   // the last ping
  time_point in_flight_{};  // since when an ack is awaited
  std::string leaving_for_; // the node that a Goaway named
  std::chrono::milliseconds keepalive_{10'000};
  std::size_t batch_bytes_;
  send_pace pace_;
  sample_pace samples_;
  line_gauge line_;                      // while it is behind
  std::uint64_t sample_sent_ = 0;        // what had gone to the line with the last sample
  std::chrono::milliseconds silence_{0}; // while an ack is awaited; 0: as while idle
  std::uint64_t next_seq_ = 1;           // the next item to send
  std::uint64_t hello_run_ = 0;
  std::uint32_t version_ = proto::version_min; // in use, by the welcome
  std::size_t buses_told_ = 0;
  unsigned redirects_ = 0; // since the last welcome
  unsigned refusals_ = 0;  // as malformed, since the last ack
  std::uint64_t rewinds_ = 0;
  bool tried_ = false;
  bool ever_connected_ = false;
  std::set<std::string> told_; // logged causes, since the last welcome
};

} // namespace furrow::edge
