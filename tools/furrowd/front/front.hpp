/// State that all connections of the HTTP server share, and the register of open connections.
///
/// Threads: a mutex guards the register; everything else is only read once the server runs.
/// Limits: those of connection_table.hpp. Bodies larger than the usual limit: http_config::large_bodies_max at once.
#pragma once

#include "storage/identity/audit.hpp"
#include "tools/furrowd/access/failed_attempts.hpp"
#include "tools/furrowd/api/api.hpp"
#include "tools/furrowd/api/metrics.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/front/connection_table.hpp"
#include "tools/furrowd/front/server.hpp"
#include "tools/furrowd/front/shares.hpp"
#include "tools/furrowd/http/guard.hpp"
#include "tools/furrowd/http/places.hpp"
#include "tools/furrowd/http/router.hpp"
#include "tools/furrowd/stream/live_stream.hpp"

#include <map>
#include <mutex>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace furrow::http {

class front : public std::enable_shared_from_this<front> {
public:
  front(boost::asio::io_context& io, http_config config, const actors::shown_parts& node);

  [[nodiscard]] daemon::result<http_server::endpoint> listen();
  void drain() {
    api_.drain();
    stream_->drain();
  }
  [[nodiscard]] front_figures figures() { return api_.figures(); }
  void stop(std::function<void()> stopped);
  void limit(const front_limits& limits, std::chrono::milliseconds cache_ttl);

  [[nodiscard]] const http_config& config() const { return config_; }
  [[nodiscard]] metrics& counters() { return metrics_; }

  /// The largest body that any route takes, and that one route takes.
  [[nodiscard]] std::uint64_t body_bytes_max() const { return body_bytes_max_; }
  [[nodiscard]] std::uint64_t body_bytes_max(const route& route) const {
    return route.body_bytes_max == 0 ? config_.body_bytes_max : route.body_bytes_max;
  }
  /// For a body larger than the usual limit; nullptr: too many wait.
  [[nodiscard]] boost::asio::awaitable<place> take_body_room(std::string farm);

  /// The connection waits for its next request, and may give way to a new connection.
  void waits(std::uint64_t id);
  /// A request of the connection has come.
  [[nodiscard]] connection_table::entrance works(std::uint64_t id);

  /// Counts a wrong token and logs it; returns how long its answer waits.
  [[nodiscard]] std::chrono::milliseconds wrong_token(const std::string& peer);

  /// Finds the route of a request and checks its rights, before the body is read.
  [[nodiscard]] std::variant<route_match, problem> admit(const request& request, std::uint64_t id);
  /// Reads again who has access, at most once a second; false: nothing new.
  [[nodiscard]] boost::asio::awaitable<bool> learn();
  void look_at_access();
  /// Runs the handler. An exception becomes a 500, except when the connection is being closed.
  [[nodiscard]] boost::asio::awaitable<response> answer(route_match match);

private:
  struct open_connection {
    boost::asio::any_io_executor strand;
    boost::asio::cancellation_signal cut;
    std::optional<daemon::credential> who; // of the last request
    bool works = false;
    std::optional<std::chrono::steady_clock::time_point> ends; // its rights ended then
  };

  [[nodiscard]] std::variant<route_match, problem> admit_ticket(route_match match,
                                                                std::uint64_t id);
  /// Whose connection it is: it is cut when this credential ends.
  void remember(std::uint64_t id, std::optional<daemon::credential> who);
  boost::asio::awaitable<void> accept();
  void serve(boost::asio::ip::tcp::socket socket);
  void ended(std::uint64_t id);
  /// Cuts a connection. The caller has the mutex.
  void close(std::uint64_t id);
  [[nodiscard]] bool stopping();
  /// In the audit log, with what was answered. A failure is logged.
  void write_note(storage::audit_row row, const std::string& said);

  boost::asio::io_context& io_;
  storage::store& store_;
  const http_config config_;
  metrics metrics_;
  const std::shared_ptr<summary_cache> cache_;
  const std::shared_ptr<live_stream> stream_;
  api api_;
  const router router_;
  const guard guard_;
  const std::uint64_t body_bytes_max_;
  const std::shared_ptr<places> turns_;       // of the requests that read the database
  const std::shared_ptr<places> quick_turns_; // of those of route::at_hand
  const std::shared_ptr<places> body_rooms_;  // of the bodies larger than the usual limit

  std::mutex mutex_;
  bool stopping_ = false;
  std::function<void()> stopped_;
  std::map<std::uint64_t, std::shared_ptr<open_connection>> open_; // 0 is the acceptor
  connection_table table_;
  const std::shared_ptr<token_requests> progress_;
  daemon::failed_attempts wrong_tokens_;
  std::chrono::steady_clock::time_point learnt_{};
  std::uint64_t next_id_ = 1;
  std::optional<boost::asio::ip::tcp::acceptor> acceptor_;
};

/// Serves one connection until it ends. (connection.cpp)
[[nodiscard]] boost::asio::awaitable<void>
run_connection(std::shared_ptr<front> front, boost::asio::ip::tcp::socket socket, std::uint64_t id);
/// At the limit of connections: of the node, or of the client's address.
[[nodiscard]] problem too_many_connections(bool of_address);
/// At the limit of requests of a token.
[[nodiscard]] problem too_many_requests();
/// At the limit of large bodies.
[[nodiscard]] problem too_many_bodies();
/// Sends the refusal and closes, without waiting for the client.
void turn_away(boost::asio::ip::tcp::socket socket, bool tls, const problem& refusal);

} // namespace furrow::http
