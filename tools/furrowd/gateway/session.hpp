/// The connection of one gateway: Hello, credential, batches in, acks out.
///
/// Shape: one coroutine reads. It awaits room in the budgets before it reads each piece of a body, so that a node without
///   room stops reading its sockets. A second coroutine writes and lives while messages wait; acks are merged.
/// Errors: a message that breaks the protocol is answered with one Reject that gives the reason; then the session
///   closes.
/// Threads: the io_context's one thread; the port posts to it.
/// Limits: hello_bytes_max before the welcome, message_bytes_max after; outbox_max unwritten messages; deadlines below.
///   Acks are merged, and so are paces: one of each waits. Samples above their rate are dropped.
#pragma once

#include "actors/live/interest.hpp"
#include "actors/log/log.hpp"
#include "actors/session/gate.hpp"
#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/net/byte_stream.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace furrow::actors {
class cluster_board; // actors/cluster/cluster_board.hpp
class live_machines; // actors/live/live_machines.hpp
} // namespace furrow::actors

namespace furrow::daemon {

struct session_limits {
  std::chrono::seconds hello{5};     // from accept to a whole Hello, TLS handshake included
  std::chrono::seconds message{30};  // for each piece of a message: a slow line is not a silent one
  std::chrono::seconds idle{60};     // no byte from the gateway
  std::chrono::seconds keepalive{5}; // the node is never silent for longer
  // While a message arrives, or waits for room, the node is never silent for longer than busy_keepalive; so a gateway
  // that waits for an ack may leave after `silence`.
  std::chrono::milliseconds busy_keepalive{900}; // ticks are 1 s apart
  std::chrono::milliseconds silence{2'500};
  std::chrono::seconds goodbye{2};   // for the last messages, once the session is to close
  std::size_t bytes_max = 4U << 20U; // received and not yet durable
  static constexpr std::size_t outbox_max = 64;
  static constexpr std::chrono::milliseconds sample_interval{200}; // on average; more are dropped
  static constexpr int samples_at_once = 10;
  /// Memory that one byte on the wire may need on its way to the database: columns, the block, its COPY form.
  static constexpr std::size_t growth = 3;
};

/// State that all sessions of a listener share.
struct session_context {
  actors::gate& gate;
  actors::live_machines& machines;
  const actors::cluster_board* cluster; // nullptr: this node is alone
  std::shared_ptr<actors::memory_budget> budget;
  actors::arrival_room arrivals;
  std::shared_ptr<const authority>
    access;                       // while it is open, every gateway belongs to the farm "default"
  std::vector<std::string> nodes; // for Welcome, where no cluster is known
  std::shared_ptr<gateway_book> book = std::make_shared<gateway_book>();
  session_limits limits{};
};

class gateway_session : public std::enable_shared_from_this<gateway_session> {
public:
  using clock = std::chrono::steady_clock;

  gateway_session(std::shared_ptr<const session_context> context,
                  std::unique_ptr<byte_stream> stream,
                  boost::asio::any_io_executor executor,
                  std::string peer);

  /// Runs until the connection ends; `ended` is called once, on the io thread.
  void start(std::function<void()> ended);
  /// Once a second: deadlines, keep-alives, and the pace.
  void tick(clock::time_point now);
  /// Sends a Goaway. The gateway sends nothing new, and closes when it has its acks; until then the session reads on.
  void goaway();
  /// The same for this machine alone, with the address of another node; the session ends after session_limits::goodbye
  /// even if the gateway stays.
  void move_to(const std::string& node);
  /// Reads nothing more; acks still go out until `finish`.
  void stop_reading();
  /// Closes after everything is written.
  void finish();
  void close();
  /// Whether a machine is connected, and is not on its way out.
  [[nodiscard]] bool serves() const {
    return booked_ && !draining_ && !closing_ && !closed_ && !leave_by_;
  }
  [[nodiscard]] const std::string& farm() const { return farm_; }
  [[nodiscard]] const std::string& equipment() const { return equipment_; }
  /// Addresses of nodes that the gateway could not connect to before it came here, for actors::unreachable_for.
  [[nodiscard]] const std::vector<std::string>& unreachable() const { return unreachable_; }

private:
  class port;
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> greet();
  boost::asio::awaitable<bool> read_batch();
  boost::asio::awaitable<void> write_all();
  /// `budget` outlives the call.
  boost::asio::awaitable<actors::memory_lease>
  room(const std::shared_ptr<actors::memory_budget>& budget, std::size_t bytes);
  boost::asio::awaitable<actors::memory_lease>
  wait_for_room(const std::shared_ptr<actors::memory_budget>& budget, std::size_t bytes);
  /// A body of that length. It is leased as it comes; the leases go into `arriving`.
  boost::asio::awaitable<std::unique_ptr<std::uint8_t[]>>
  read_body(std::size_t length, std::vector<actors::memory_lease>& arriving);
  boost::asio::awaitable<void> read_piece(std::span<std::uint8_t> bytes);
  /// Checks a Hello; nothing after a Reject with the reason.
  [[nodiscard]] std::optional<actors::greeting> check(proto::hello hello);
  /// Who may send for this machine; nothing after a Reject.
  [[nodiscard]] std::optional<credential> admit(const proto::hello& hello);
  /// Rejects a gateway whose token was revoked or has expired meanwhile.
  void look_at_access();
  /// Reads and discards until the gateway closes, 1 MiB or the deadline. A socket that closes with unread bytes
  /// discards what was written last, here the reject.
  boost::asio::awaitable<void> let_it_read();
  /// Sends a gateway that is to be at another node there; false: it may stay.
  [[nodiscard]] bool redirected();
  bool handle(proto::message message, std::vector<actors::memory_lease> leases);

  void take_sample(proto::sample sample, std::vector<actors::memory_lease> leases);
  void send(const proto::message& message);
  void send_ack(std::uint64_t durable_seq);
  /// Follows who watches the machine, from the Welcome on.
  void listen_to_interest();
  /// Tells the gateway how often to send, when that has changed.
  void look_at_pace();
  /// The next message without one in the outbox: an ack or a pace; empty: none.
  [[nodiscard]] std::string take_merged();
  void refuse(refusal kind, proto::reject_code code, std::string reason);
  void refuse(refusal kind, proto::reject why);
  /// In the log, the counters and the list of refusals; no word to the gateway.
  /// What a line of the log says of this session.
  [[nodiscard]] log::about about(std::string_view error = {}) const;
  void note_refused(refusal kind, const std::string& why);
  void note_connected(const actors::greeting& from);
  void note_ended();
  /// The first reason why this connection ends; later ones follow from it.
  void ends(farewell how, std::string why);
  void read_failed(const boost::system::error_code& error);
  [[nodiscard]] std::string who() const;
  void write_on();

  std::shared_ptr<const session_context> context_;
  std::unique_ptr<byte_stream> stream_;
  boost::asio::any_io_executor executor_;
  std::string peer_;
  std::string farm_;
  std::string equipment_;
  std::vector<std::string> unreachable_;
  std::optional<credential> credential_; // since the Hello
  std::uint64_t access_seen_ = 0;        // the generation at the last look
  std::int64_t access_used_us_ = 0;      // when the use of the token was noted last
  std::function<void()> ended_;
  std::shared_ptr<actors::memory_budget> own_budget_;
  std::unique_ptr<actors::equipment_link> link_;
  std::uint32_t version_ = 0;

  struct ending {
    farewell how = farewell::closed;
    std::string why;
  };
  std::optional<ending> ending_;
  std::optional<gateway_book::id> booked_; // while it is connected
  clock::time_point connected_at_{};

  std::deque<std::string> outbox_;
  std::optional<std::uint64_t> ack_due_;
  std::shared_ptr<actors::machine_interest> interest_; // since the Welcome
  std::shared_ptr<actors::machine_interest::listener> on_interest_;
  std::optional<std::chrono::milliseconds> pace_told_;
  bool pace_due_ = false;
  clock::time_point samples_to_{}; // the time up to which its samples use the rate
  bool reading_ = true;
  bool in_message_ = false; // from a length to the end of its body
  bool writing_ = false;
  bool closing_ = false; // closes when the outbox is empty
  bool closed_ = false;
  bool draining_ = false; // has stopped reading
  std::optional<clock::time_point> deadline_;
  std::optional<clock::time_point> leave_by_; // since the machine has been sent to another node
  clock::time_point last_sent_ = clock::now();
};

} // namespace furrow::daemon
