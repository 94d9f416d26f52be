#include "storage/postgres/connection/server_watch.hpp"

#include "storage/postgres/connection/connection.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace furrow::storage {

void server_watch::stop() {
  if (asking_ != nullptr)
    asking_->cut();
}

void pq_connection::arm(std::chrono::milliseconds timeout, bool watched) {
  timed_out_ = false;
  armed_at_ = std::chrono::steady_clock::now();
  ends_at_ = armed_at_ + timeout;
  watched_ = watched && settings_.watch && settings_.lane;
  ++*operation_;
  wait_for_deadline();
}

void pq_connection::disarm() {
  ++*operation_;
  deadline_.cancel();
  watched_ = false;
  note_end();
}

/// Of the current operation. A watched one wakes up in between.
void pq_connection::wait_for_deadline() {
  deadline_.expires_at(watched_
                         ? std::min(ends_at_, std::chrono::steady_clock::now() + server_watch::look)
                         : ends_at_);
  deadline_.async_wait(
    [this, armed = *operation_, now = std::weak_ptr{operation_}](const auto& /*error*/) {
      const auto current = now.lock();
      if (current && *current == armed) // else the operation has ended, or this object is destroyed
        deadline_due();
    });
}

void pq_connection::deadline_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now >= ends_at_ || (watched_ && settings_.watch->gone_since(connected_at_)))
    return give_up();
  if (watched_ && settings_.watch->must_ask(armed_at_, now))
    asio::co_spawn(context_, ask(context_, settings_, host_, PQbackendPID(connection_.get())),
                   asio::detached);
  wait_for_deadline();
}

void pq_connection::give_up() {
  timed_out_ = true;
  boost::system::error_code ignored;
  if (socket_.is_open())
    socket_.cancel(ignored);
}

/// Whether the server still runs the session; the watch keeps the answer. The asking connection comes by the same way, so
/// that an address that leads to another server now gives another answer. It outlives the one that it asks for.
task<void> pq_connection::ask(asio::io_context& context, settings how, std::size_t host, int pid) {
  const auto watch = std::exchange(how.watch, nullptr);
  const auto session = how.application_name;
  how.application_name = session.substr(0, session.rfind('/') + 1) + "watch";
  how.statement_timeout = server_watch::answer_limit;
  how.monitor.reset();
  pq_connection asking{context, std::move(how)};
  watch->asks(asking);
  auto refused = co_await asking.connect_host(host, server_watch::answer_limit);
  // A server that refuses with words of its own lives: it grants no more connections, or is starting.
  bool lives = refused && !refused->lost;
  if (!refused) {
    // By name, too: behind a pooler the number is another one.
    const auto found = co_await asking.query(
      "select from pg_catalog.pg_stat_activity where pid = $1 or application_name = $2",
      pq_parameters{}.int4(pid).text(session));
    lives = found.error ? !found.error->lost : PQntuples(found.rows.get()) > 0;
  }
  const auto now = server_watch::clock::now();
  if (lives || asking.cut_)
    watch->lives(now);
  else
    watch->gone(host, now);
}

} // namespace furrow::storage
