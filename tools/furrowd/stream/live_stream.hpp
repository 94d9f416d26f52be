/// The live stream of a node: looks at the live board, and tells each client what has changed for it.
///
/// Shape: while there are clients, a timer looks at the board. What changed goes into a `fleet_state` for each farm.
///   Clients with the same filters share a `stream_view`, which makes each text once. A client takes its next message when
///   it has sent the last one: one that is slow gets the newest values and fewer messages. A few clients are woken at a
///   time, so that other requests have their turn between them. Machines at other nodes are
///   asked for once a second. Which machines clients see, and how often, becomes an interest in each machine
///   (actors/live/interest.hpp), so that its gateway sends often enough.
/// Errors: `join` refuses with a problem: too many clients.
/// Threads: every function may be called from any thread. One mutex, which only threads for people take: actors publish to
///   the board and never see this class.
/// Limits: stream_limits. A client holds one message of at most about 128 KiB, and the frames that wait for it.
#pragma once

#include "actors/live/live_place.hpp"
#include "proto/link.hpp"
#include "tools/furrowd/http/message.hpp"
#include "tools/furrowd/stream/stream_view.hpp"
#include "tools/furrowd/stream/tickets.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

namespace furrow::storage {
class store; // storage/store.hpp
} // namespace furrow::storage

namespace furrow::actors {
class dbc_board;     // actors/live/dbc_board.hpp
class live_machines; // actors/live/live_machines.hpp
class peer_nodes;    // actors/cluster/peer_nodes.hpp
struct peers_said;
} // namespace furrow::actors

namespace furrow::http {

struct stream_limits {
  std::size_t clients_max = 2'000;
  std::size_t token_clients_max = 1'000;     // of one token
  std::size_t address_clients_max = 1'000;   // of one address
  std::size_t frames_bytes_max = 64U << 20U; // that wait for all clients together
  std::size_t client_frames_bytes_max = 256U << 10U;
  std::size_t taps_max = 64; // machines whose frames one subscription gets
  std::chrono::milliseconds heartbeat{10'000};
  std::chrono::milliseconds kept{60'000}; // a farm without clients, so that they can resume
};

/// What a client sends next.
struct stream_message {
  shared_text text;          // nullptr: nothing yet, or the end
  bool ended = false;        // the client must be disconnected
  std::string reason;        // of the end
  std::uint16_t code = 1000; // of the end, as WebSocket close codes
};

/// One client. Its members belong to `live_stream`.
class stream_seat : public std::enable_shared_from_this<stream_seat> {
public:
  stream_seat(stream_holder holder, std::string peer, stream_form form)
    : holder_{std::move(holder)}, peer_{std::move(peer)}, form_{form} {}

  [[nodiscard]] const daemon::credential& who() const { return holder_.who; }

private:
  friend class live_stream;
  const stream_holder holder_;
  const std::string peer_;
  const stream_form form_;
  std::function<void()> wake_; // from any thread
  std::function<void()> cut_;
  std::shared_ptr<stream_view> view_;
  stream_view::position at_;
  std::deque<shared_text> notes_; // hello, answers to messages
  frame_queue frames_;
  std::chrono::steady_clock::time_point sent_{};
  bool waiting_ = false;
  bool ended_ = false;
  std::string end_reason_;
  std::uint16_t end_code_ = 1000;
};

class live_stream : public std::enable_shared_from_this<live_stream> {
public:
  using clock = std::chrono::steady_clock;
  struct settings {
    std::string node_name;
    std::string version;
    stream_limits limits{};
    /// Whether the rights of a client still hold; asked once a second for each.
    std::function<bool(const daemon::credential&)> still_valid;
  };

  /// What the stream reads. All of it lives until `stop` has returned.
  struct sources {
    actors::live_machines& machines;
    const actors::dbc_board& dbc;
    actors::peer_nodes* peers; // nullptr: the machines of this node alone
    storage::store& store;     // for the boundaries of fields
  };

  live_stream(boost::asio::io_context& io, settings given, const sources& from);

  [[nodiscard]] std::variant<std::shared_ptr<stream_seat>, problem>
  join(subscription wanted, stream_holder holder, std::string peer, stream_form form);
  /// `wake` is called when there may be something after `next` returned nothing; `cut` when the connection must be
  /// closed at once, whatever it does.
  void on_news(stream_seat& seat, std::function<void()> wake, std::function<void()> cut);
  /// Replaces what the client sees; it gets an answer, then a snapshot.
  void subscribe(stream_seat& seat, subscription wanted, const std::string& id);
  void refuse(stream_seat& seat, const client_mistake& mistake);
  [[nodiscard]] stream_message next(stream_seat& seat);
  /// Ends the client after what it has not read yet of answers.
  void kick(stream_seat& seat, std::uint16_t code, const std::string& reason);
  void leave(const std::shared_ptr<stream_seat>& seat);

  [[nodiscard]] std::optional<std::string> issue_ticket(stream_holder holder);
  [[nodiscard]] std::optional<stream_holder> redeem_ticket(std::string_view ticket);

  [[nodiscard]] std::size_t clients();
  [[nodiscard]] storage::store& store() { return from_.store; }
  [[nodiscard]] const stream_limits& limits() const { return settings_.limits; }
  /// Ends every client in good order and takes no new ones.
  void drain();
  /// Cuts every client; the sources are not used afterwards.
  void stop();

private:
  static constexpr std::uint16_t code_policy = 1008; // of WebSocket

  struct watched_place {
    std::weak_ptr<actors::live_place> place;
    std::string node;
    std::uint64_t seen = 0;
    std::shared_ptr<const actors::live_detail> detail;
    bool tapped = false;
  };
  struct view_state {
    std::shared_ptr<stream_view> view;
    std::set<stream_seat*> seats;
    std::set<std::string> taps; // machines whose frames it gets
    clock::time_point due{};
    clock::time_point frames_due{};
  };
  struct farm_state {
    fleet_state fleet;
    std::map<std::string, watched_place> places; // by machine
    std::map<std::string, view_state> views;     // by key and form
    std::map<std::string, std::chrono::milliseconds>
      wanted; // watched machines: how often they shall send
    clock::time_point interest_due{};
    clock::time_point interest_earliest{}; // so that many new views cost little
    std::size_t seats = 0;
    clock::time_point empty_since{};
    clock::time_point peers_due{};
    bool asking = false;
  };

  void arm();
  void tick();
  void look(clock::time_point now);
  void find_places();
  void look_at(farm_state& farm, bool details);
  static void take_frames(farm_state& farm, actors::live_place& place);
  void publish(farm_state& farm, clock::time_point now);
  void sweep(clock::time_point now);
  void ask_peers(const std::string& name, farm_state& farm, clock::time_point now);
  void take_peers(const std::string& farm, const actors::peers_said& said);
  void set_taps(farm_state& farm);
  void show_interest(farm_state& farm, clock::time_point now);
  [[nodiscard]] std::vector<proto::link::watched_machine>
  watched_elsewhere(const farm_state& farm) const;
  void see(farm_state& farm, stream_seat& seat, subscription wanted);
  void unsee(farm_state& farm, stream_seat& seat);
  void note(stream_seat& seat, const char* type, std::string json);
  void wake(stream_seat& seat);
  void wake_some();
  void end(stream_seat& seat, std::uint16_t code, std::string reason);
  [[nodiscard]] std::chrono::milliseconds pace() const;

  const settings settings_;
  const sources from_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::steady_timer timer_;
  const std::string epoch_;

  std::mutex mutex_;
  bool draining_ = false;
  bool stopped_ = false;
  bool armed_ = false;
  std::uint64_t cursor_ = 1;
  std::map<std::string, farm_state> farms_;
  std::set<std::shared_ptr<stream_seat>> seats_;
  std::deque<std::shared_ptr<stream_seat>> woken_; // wait for their turn
  bool waking_ = false;
  stream_tickets tickets_;
  clock::time_point places_due_{};
  clock::time_point details_due_{};
  clock::time_point sweep_due_{};
};

} // namespace furrow::http
