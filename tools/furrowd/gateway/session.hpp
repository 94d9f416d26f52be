/// One gateway's connection: greeting, credential, batches in, acks out.
///
/// Shape: a reading coroutine (awaits room in the budgets before it reads a body, so that a node without room stops
///   reading its sockets) and a writing one that lives while there is something to write; acks are merged.
/// Errors: whatever breaks the protocol is answered with one Reject that says what, then closed.
/// Threads: the io_context's one thread; the port posts to it.
/// Limits: hello_bytes_max before the welcome, message_bytes_max after; outbox_max messages unwritten; deadlines below.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/access/tokens.hpp"
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

namespace furrow::daemon {

struct session_limits {
  std::chrono::seconds hello{5};     // from accept to a whole Hello, TLS handshake included
  std::chrono::seconds message{30};  // from a length to the end of its body
  std::chrono::seconds idle{60};     // without a byte from the gateway
  std::chrono::seconds keepalive{5}; // the node is never silent for longer
  std::size_t bytes_max = 4U << 20U; // received and not yet durable
  static constexpr std::size_t outbox_max = 64;
  /// What a byte on the wire may grow to on its way to the database: columns, the block, its COPY form.
  static constexpr std::size_t growth = 3;
};

/// What all sessions of a listener share.
struct session_context {
  actors::node& node;
  std::shared_ptr<actors::memory_budget> budget;
  std::optional<token_table> tokens; // none: loopback only, everyone is farm "default"
  std::vector<std::string> nodes;    // for Welcome
  session_limits limits;
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
  /// Once a second: deadlines and keep-alives.
  void tick(clock::time_point now);
  /// Sends the gateway off and reads no more; acks still go out until `finish`.
  void goaway();
  /// Closes once everything is written.
  void finish();
  void close();

private:
  class port;
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> greet();
  boost::asio::awaitable<bool> read_batch();
  boost::asio::awaitable<void> write_all();
  boost::asio::awaitable<std::vector<actors::memory_lease>> room(std::size_t bytes);
  /// Fails with a Reject that says why.
  [[nodiscard]] std::optional<actors::greeting> check(proto::hello hello);
  /// Until the gateway has closed, 1 MiB or the deadline: a socket that is closed with unread bytes in it takes back what
  /// was written last, here the reject.
  boost::asio::awaitable<void> let_it_read();
  bool handle(proto::message message, std::vector<actors::memory_lease> leases);

  void send(const proto::message& message);
  void send_ack(std::uint64_t durable_seq);
  void refuse(proto::reject_code code, std::string reason);
  void refuse(proto::reject why);
  void write_on();

  std::shared_ptr<const session_context> context_;
  std::unique_ptr<byte_stream> stream_;
  boost::asio::any_io_executor executor_;
  std::string peer_;
  std::string farm_;
  std::string equipment_;
  std::function<void()> ended_;
  std::shared_ptr<actors::memory_budget> own_budget_;
  std::unique_ptr<actors::equipment_link> link_;
  std::uint32_t version_ = 0;

  std::deque<std::string> outbox_;
  std::optional<std::uint64_t> ack_due_;
  bool reading_ = true;
  bool writing_ = false;
  bool closing_ = false; // close when the outbox is empty
  bool closed_ = false;
  bool draining_ = false; // reads no more
  std::optional<clock::time_point> deadline_;
  clock::time_point last_sent_ = clock::now();
};

} // namespace furrow::daemon
