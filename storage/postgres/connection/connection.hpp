/// One connection to PostgreSQL as coroutines: connect, ask, copy. Nothing blocks except libpq's
/// look-up of a host name.
///
/// Shape: a call returns an answer or a `pq_error`. After `lost` the connection is closed; call
///   connect() again.
/// Errors: no exception. Every wait ends at its operation's deadline, when the server closes the
///   connection, or by `cut`.
/// Threads: the thread of the io_context only, one operation at a time; `cut` ends a running
///   operation.
/// Source: libpq chapters 34.1 (PQconnectPoll), 34.4 (asynchronous), 34.10 (COPY).
#pragma once

#include "storage/postgres/connection/pq.hpp"
#include "storage/postgres/connection/server_watch.hpp"
#include "storage/postgres/connection/store_monitor.hpp"
#include "storage/store.hpp"
#include "storage/verdict.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::storage {

namespace asio = boost::asio;
template <class T>
using task = asio::awaitable<T>;

/// The SQLSTATE of a server, or a role, that grants no more connections.
inline constexpr std::string_view too_many_connections = "53300";

struct pq_error {
  bool lost = false;     // the connection is lost; whether the statement took effect is unknown
  std::string sqlstate;  // empty when the error is not the server's
  std::string message;   // "42P01: relation ... does not exist"
  std::string detail;    // the server's DETAIL
  std::string hint = {}; // the server's HINT

  [[nodiscard]] verdict judge() const {
    return lost ? verdict::retry_later : judge_sqlstate(sqlstate);
  }
  /// Where the schema or a table of it is not there, with what to do.
  [[nodiscard]] failure as_failure() const;
};

struct pq_reply {
  pq::answer rows; // empty at the end of a query's results, or with an error
  std::optional<pq_error> error;
};

/// Bound parameters in binary format.
class pq_parameters {
public:
  pq_parameters& add(std::uint32_t type, std::string_view binary) {
    types_.push_back(type);
    values_.emplace_back(binary);
    return *this;
  }
  pq_parameters& text(std::string_view value) { return add(25, value); }
  pq_parameters& int8(std::int64_t value);
  pq_parameters& int4(std::int32_t value);
  pq_parameters& timestamptz(std::int64_t since_2000_us);
  [[nodiscard]] bool send(PGconn* connection, const char* sql) const;

private:
  std::vector<Oid> types_;
  std::vector<std::string> values_;
};

class pq_connection {
public:
  struct settings {
    std::string url;
    std::string application_name;
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds lock_timeout{1'000};
    std::chrono::milliseconds statement_timeout{60'000};
    std::shared_ptr<store_monitor> monitor{}; // is told of each statement; may be absent
    /// Added to the server's own time-out, which does not cover the wait for a synchronous standby.
    std::chrono::milliseconds answer_grace{2'000};
    std::chrono::milliseconds reconnect_max{5'000}; // longest pause between attempts of a pool
    std::shared_ptr<server_watch> watch{}; // shared by the connections of a store; may be absent
    bool lane = false; // an operation that takes long makes the watch ask the server
  };

  pq_connection(asio::io_context& context, settings chosen);
  pq_connection(const pq_connection&) = delete;
  pq_connection& operator=(const pq_connection&) = delete;
  ~pq_connection() { close(); }

  /// Tries each host of the URL in turn. Closes a previous connection.
  [[nodiscard]] task<std::optional<pq_error>> connect();
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  /// Whether an idle connection is still open: reads pending messages and notices a closed
  /// connection.
  [[nodiscard]] bool still_stands();
  void close();
  /// Ends the running operation as lost, and every later one.
  void cut();

  /// Whether the server answers, within `limit`; closes the connection when not.
  [[nodiscard]] task<bool> ping(std::chrono::milliseconds limit);
  /// Resets the session, so that the next user meets no setting, lock, temporary table or open
  /// transaction. Does nothing after single statements that leave nothing behind. False: the reset
  /// failed and the connection is closed.
  [[nodiscard]] task<bool> reset();

  /// Whether a pooler is in between that lends one connection of the server to several clients, a transaction each: no
  /// setting, lock or temporary table of a session can then be relied on. Opens a second connection, only where there is
  /// a pooler at all.
  [[nodiscard]] task<bool> shares_servers();

  /// One statement with bound parameters; rows in binary format.
  [[nodiscard]] task<pq_reply> query(const char* sql, const pq_parameters& parameters = {});
  /// Statements without parameters; answers the last one's rows, or the first error.
  [[nodiscard]] task<pq_reply> run(const std::string& sql);

  /// The parts of an operation with COPY: begin, then next() until it is empty; at PGRES_COPY_IN
  /// put and end.
  [[nodiscard]] task<std::optional<pq_error>> begin(const std::string& sql);
  [[nodiscard]] task<pq_reply> next();
  [[nodiscard]] task<bool> put(std::string_view bytes);
  [[nodiscard]] task<bool> end_copy();
  void finish() { disarm(); }

  /// Whether the server has warned (class 01 or 57) since `begin`, `query` or `run`: a commit is
  /// then in doubt.
  [[nodiscard]] bool warned() const { return warned_; }
  [[nodiscard]] const std::string& warning() const { return warning_; }
  [[nodiscard]] bool idle() const {
    return connection_ != nullptr && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
  }
  [[nodiscard]] PGconn* raw() { return connection_.get(); }
  [[nodiscard]] const std::string& application_name() const { return settings_.application_name; }

private:
  [[nodiscard]] task<std::optional<pq_error>> connect_host(std::size_t host,
                                                           std::chrono::milliseconds timeout);
  [[nodiscard]] task<std::optional<pq_error>> set_up();
  [[nodiscard]] task<bool> wait(asio::posix::stream_descriptor::wait_type what);
  [[nodiscard]] task<bool> flush();
  [[nodiscard]] task<pq_reply> rest_of_results();
  /// The result that libpq has ready.
  [[nodiscard]] pq_reply take_result();
  void arm(std::chrono::milliseconds timeout, bool watched = false);
  void disarm();
  void wait_for_deadline();
  void deadline_due();
  void give_up();
  static task<void> ask(asio::io_context& context, settings how, std::size_t host, int pid);
  void note_begin(std::string_view sql);
  void note_end();
  void attach();
  void detach();
  [[nodiscard]] pq_error lost(const std::string& what);
  void notice(const PGresult* message);

  asio::io_context& context_;
  settings settings_;
  std::vector<std::pair<std::string, std::string>> hosts_; // host and port; empty: libpq's defaults
  asio::posix::stream_descriptor socket_; // a copy of libpq's descriptor, which libpq closes
  asio::steady_timer deadline_;
  std::chrono::steady_clock::time_point armed_at_{};
  std::chrono::steady_clock::time_point ends_at_{};
  std::chrono::steady_clock::time_point connected_at_{};
  std::size_t host_ = 0; // that it is connected to
  std::shared_ptr<std::uint64_t> operation_ =
    std::make_shared<std::uint64_t>(0); // tells an outdated deadline
  pq::connection connection_;
  bool cut_ = false;
  bool timed_out_ = false;
  bool watched_ = false; // the operation under way
  bool warned_ = false;
  bool ended_ = false;   // the server has said that it ends the session
  bool marked_ = false;  // something may be left behind in the session
  bool pooled_ = false;  // the server's process is another one than that which greeted us
  bool counted_ = false; // whether the monitor knows of the connection
  std::string warning_;

  // The statement under way, for the monitor.
  bool noted_ = false;
  std::chrono::steady_clock::time_point begun_{};
  std::string statement_;
  std::string statement_error_;
  std::uint64_t statement_rows_ = 0;
};

/// Whether a statement can leave something behind in its session: all except plain queries and row
/// changes.
[[nodiscard]] bool leaves_marks(std::string_view sql);

/// Waits on the coroutine's executor; a cancellation ends the wait.
[[nodiscard]] task<void> pause_for(std::chrono::milliseconds time);

} // namespace furrow::storage
