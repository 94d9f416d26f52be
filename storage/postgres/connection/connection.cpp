#include "storage/postgres/connection/connection.hpp"

#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/url.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::storage {

namespace {

using wait_type = asio::posix::stream_descriptor::wait_type;
constexpr std::size_t copy_chunk_bytes = 256U << 10U;

std::string first_line(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  return text;
}

std::string field(const PGresult* rows, int which) {
  const char* value = PQresultErrorField(rows, which);
  return value != nullptr ? value : "";
}

/// For a refused connection libpq keeps only the text: "... FATAL:  28P01: password ..." in verbose
/// form.
std::string sqlstate_in(const std::string& text) {
  for (auto at = text.find(":  "); at != std::string::npos; at = text.find(":  ", at + 1)) {
    auto state = text.substr(at + 3, 5);
    const bool well_formed =
      state.size() == 5
      && state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
    if (well_formed && at + 8 < text.size() && text[at + 8] == ':')
      return state;
  }
  return {};
}

/// The server's certificate, or ours, does not match the URL, so that every later attempt fails too. libpq has no code
/// for it.
bool untrusted(const std::string& text) {
  return text.find("certificate") != std::string::npos
         || text.find("does not support SSL") != std::string::npos;
}

std::uint64_t rows_of(PGresult* reply) {
  if (PQresultStatus(reply) == PGRES_TUPLES_OK)
    return static_cast<std::uint64_t>(PQntuples(reply));
  const char* text = PQcmdTuples(reply);
  std::uint64_t count = 0;
  std::from_chars(text, text + std::strlen(text), count);
  return count;
}

} // namespace

failure pq_error::as_failure() const {
  constexpr std::array<std::string_view, 4> missing{"3F000", "42P01", "42883", "42703"};
  auto words = message;
  if (message.find("furrow") != std::string::npos
      && std::find(missing.begin(), missing.end(), sqlstate) != missing.end())
    words += "; the schema of the database is missing or older than this program: `furrow db "
             "migrate` brings it up to date";
  if (sqlstate == "53200" && message.find("shared memory") != std::string::npos)
    words += "; raise max_locks_per_transaction of the server, or ask for a shorter time";
  return {to_errc(judge()), words};
}

bool leaves_marks(std::string_view sql) {
  const auto begins = std::min(sql.find_first_not_of(" \t\n\r"), sql.size());
  const auto holds = [sql](std::string_view word) {
    return std::search(sql.begin(), sql.end(), word.begin(), word.end(),
                       [](unsigned char a, unsigned char b) { return std::tolower(a) == b; })
           != sql.end();
  };
  constexpr std::array<std::string_view, 5> plain{"select", "with", "insert", "update", "delete"};
  const bool is_plain = std::any_of(plain.begin(), plain.end(), [&](std::string_view word) {
    const auto first = sql.substr(begins, word.size());
    return std::equal(first.begin(), first.end(), word.begin(), word.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
  });
  return !is_plain || holds("set_config") || holds("advisory") || holds("nextval")
         || holds("dblink") || holds("into temp") || holds(";");
}

pq_parameters& pq_parameters::int8(std::int64_t value) {
  std::array<char, 8> raw{};
  store_big(raw.data(), value);
  return add(oid::int8, {raw.data(), raw.size()});
}

pq_parameters& pq_parameters::int4(std::int32_t value) {
  std::array<char, 4> raw{};
  store_big(raw.data(), value);
  return add(oid::int4, {raw.data(), raw.size()});
}

pq_parameters& pq_parameters::timestamptz(std::int64_t since_2000_us) {
  int8(since_2000_us);
  types_.back() = oid::timestamptz;
  return *this;
}

bool pq_parameters::send(PGconn* connection, const char* sql) const {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const auto& value : values_) {
    values.push_back(value.data());
    lengths.push_back(static_cast<int>(value.size()));
  }
  const std::vector<int> binary(values_.size(), 1);
  return pq::send_query_params(connection, sql, static_cast<int>(values.size()), types_.data(),
                               values.data(), lengths.data(), binary.data());
}

pq_connection::pq_connection(asio::io_context& context, settings chosen)
  : context_{context}, settings_{std::move(chosen)}, hosts_{listed_hosts(settings_.url)},
    socket_{context}, deadline_{context} {}

void pq_connection::close() {
  if (noted_ && statement_error_.empty())
    statement_error_ = "lost";
  disarm();
  detach();
  connection_.reset();
  if (std::exchange(counted_, false) && settings_.monitor)
    settings_.monitor->lane_closed();
}

void pq_connection::cut() {
  cut_ = true;
  boost::system::error_code ignored;
  if (socket_.is_open())
    socket_.cancel(ignored);
}

void pq_connection::note_begin(std::string_view sql) {
  note_end();
  marked_ = marked_ || leaves_marks(sql);
  if (!settings_.monitor)
    return;
  noted_ = true;
  statement_.assign(sql.substr(0, store_monitor::statement_chars_max));
  statement_error_.clear();
  statement_rows_ = 0;
  begun_ = std::chrono::steady_clock::now();
}

void pq_connection::note_end() {
  if (!std::exchange(noted_, false))
    return;
  const auto now = std::chrono::steady_clock::now();
  settings_.monitor->statement(
    {statement_, settings_.application_name, now - begun_, statement_rows_, statement_error_}, now);
}

void pq_connection::attach() {
  const int descriptor = connection_ ? pq::socket(connection_.get()) : -1;
  boost::system::error_code ignored;
  if (descriptor >= 0)
    socket_.assign(descriptor, ignored);
}

/// libpq closes its descriptor by itself, and may open another at each step of connecting.
void pq_connection::detach() {
  if (socket_.is_open())
    (void)socket_.release();
}

pq_error pq_connection::lost(const std::string& what) {
  const bool left = timed_out_ && std::chrono::steady_clock::now() < ends_at_; // by the watch
  std::string why = cut_          ? "cut"
                    : left        ? "the database does not answer"
                    : timed_out_  ? "no answer in time"
                    : connection_ ? first_line(PQerrorMessage(connection_.get()))
                                  : "not connected";
  if (why.empty())
    why = "connection lost";
  close();
  return {true, {}, what + ": " + why, {}};
}

task<bool> pq_connection::wait(wait_type what) {
  if (cut_ || timed_out_ || !socket_.is_open())
    co_return false;
  boost::system::error_code error;
  co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
  co_return !error && !cut_ && !timed_out_;
}

task<std::optional<pq_error>> pq_connection::connect() {
  const auto count = std::max<std::size_t>(hosts_.size(), 1);
  std::optional<pq_error> error;
  const auto* const watch = settings_.watch.get();
  const auto gone = watch != nullptr ? watch->gone_host() : std::nullopt;
  const std::chrono::milliseconds share = settings_.connect_timeout / count;
  const bool has_standby = watch != nullptr && count > 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto host = (i + (gone ? *gone + 1 : 0)) % count;
    const auto limit =
      has_standby ? watch->connect_within(host, share, server_watch::clock::now()) : share;
    auto failed = co_await connect_host(host, limit);
    if (!failed)
      co_return std::nullopt;
    // If one host may recover, a later attempt may succeed.
    if (!error || error->judge() == verdict::misconfigured)
      error = std::move(failed);
  }
  co_return error;
}

task<std::optional<pq_error>> pq_connection::connect_host(std::size_t host,
                                                          std::chrono::milliseconds timeout) {
  close();
  // Later entries win: the URL may override the entries before it, but not those after it.
  std::vector<const char*> keywords{"keepalives_idle",  "keepalives_interval",  "keepalives_count",
                                    "tcp_user_timeout", "target_session_attrs", "dbname",
                                    "client_encoding",  "application_name"};
  std::vector<const char*> values{"5",          "2",
                                  "3",          "10000",
                                  "read-write", settings_.url.c_str(),
                                  "UTF8",       settings_.application_name.c_str()};
  if (host < hosts_.size()) {
    keywords.insert(keywords.end(), {"host", "port"});
    values.insert(values.end(), {hosts_[host].first.c_str(), hosts_[host].second.c_str()});
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  ended_ = false;
  host_ = host;
  connected_at_ = std::chrono::steady_clock::now();
  arm(timeout);
  connection_ = pq::start(keywords.data(), values.data());
  if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD)
    co_return lost("connect");
  PQsetErrorVerbosity(connection_.get(),
                      PQERRORS_VERBOSE); // a refusal's text then has the SQLSTATE
  for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK;
       step = pq::poll(connection_.get())) {
    if (step == PGRES_POLLING_FAILED) {
      const std::string text = PQerrorMessage(connection_.get());
      auto error = lost("connect");
      error.sqlstate = sqlstate_in(text);
      if (error.sqlstate.empty() && untrusted(text))
        error.sqlstate = "28000"; // like invalid credentials
      error.lost = error.sqlstate.empty();
      co_return error;
    }
    attach();
    const auto what = step == PGRES_POLLING_READING ? wait_type::wait_read : wait_type::wait_write;
    const bool ready = co_await wait(what);
    if (!ready)
      co_return lost("connect");
    detach();
  }
  PQsetErrorVerbosity(connection_.get(), PQERRORS_DEFAULT);
  attach();
  PQsetNoticeReceiver(
    connection_.get(),
    [](void* self, const PGresult* message) { static_cast<pq_connection*>(self)->notice(message); },
    this);
  if (!pq::set_nonblocking(connection_.get()))
    co_return lost("connect");
  co_return co_await set_up();
}

task<bool> pq_connection::ping(std::chrono::milliseconds limit) {
  if (!still_stands())
    co_return false;
  arm(limit);
  bool sent = !cut_ && pq::send_query(connection_.get(), "select 1");
  if (sent)
    sent = co_await flush();
  if (!sent) {
    (void)lost("ping");
    co_return false;
  }
  const auto reply = co_await rest_of_results();
  if (reply.error)
    close();
  co_return !reply.error;
}

task<bool> pq_connection::reset() {
  if (!still_stands())
    co_return false;
  if (!marked_)
    co_return true;
  arm(settings_.statement_timeout + settings_.answer_grace);
  // Sent alone: it is not allowed in a transaction, and statements in one message are one
  // transaction.
  bool sent = !cut_ && pq::send_query(connection_.get(), "discard all");
  if (sent)
    sent = co_await flush();
  if (!sent) {
    (void)lost("reset");
    co_return false;
  }
  const auto discarded = co_await rest_of_results();
  if (discarded.error) {
    close();
    co_return false;
  }
  arm(settings_.statement_timeout + settings_.answer_grace);
  const auto failed = co_await set_up();
  co_return !failed;
}

bool pq_connection::still_stands() {
  if (!connection_)
    return false;
  if (settings_.watch && settings_.watch->gone_since(connected_at_)) {
    close();
    return false;
  }
  // Asking for results makes libpq read pending messages. A server that ends this session sends a
  // notice, which arrives before the connection closes.
  if (pq::consume_input(connection_.get()) && PQisBusy(connection_.get()) == 0 && !ended_
      && PQstatus(connection_.get()) == CONNECTION_OK && idle())
    return true;
  close();
  return false;
}

task<bool> pq_connection::flush() {
  // While the socket is full, libpq reads the server's messages, so that the two sides do not wait
  // for each other.
  for (;;) {
    const int left = pq::flush(connection_.get());
    if (left <= 0)
      co_return left == 0;
    const bool ready = co_await wait(wait_type::wait_write);
    if (!ready)
      co_return false;
  }
}

task<std::optional<pq_error>> pq_connection::begin(const std::string& sql) {
  warned_ = false;
  warning_.clear();
  arm(settings_.statement_timeout + settings_.answer_grace, true);
  note_begin(sql);
  if (cut_ || !connection_ || !pq::send_query(connection_.get(), sql.c_str()))
    co_return lost("send");
  const bool sent = co_await flush();
  if (!sent)
    co_return lost("send");
  co_return std::nullopt;
}

task<pq_reply> pq_connection::next() {
  while (PQisBusy(connection_.get()) != 0) {
    const bool ready = co_await wait(wait_type::wait_read);
    if (!ready || !pq::consume_input(connection_.get()))
      co_return pq_reply{nullptr, lost("read")};
  }
  co_return take_result();
}

pq_reply pq_connection::take_result() {
  auto rows = pq::get_result(connection_.get());
  if (!rows)
    return pq_reply{};
  const auto status = PQresultStatus(rows.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN) {
    if (noted_ && status != PGRES_COPY_IN)
      statement_rows_ += rows_of(rows.get());
    return pq_reply{std::move(rows), std::nullopt};
  }
  pq_error error{false,
                 field(rows.get(), PG_DIAG_SQLSTATE),
                 {},
                 field(rows.get(), PG_DIAG_MESSAGE_DETAIL),
                 field(rows.get(), PG_DIAG_MESSAGE_HINT)};
  if (PQstatus(connection_.get()) != CONNECTION_OK || error.sqlstate.empty())
    return pq_reply{nullptr, lost("read")};
  if (statement_error_.empty())
    statement_error_ = error.sqlstate;
  error.message = error.sqlstate + ": " + field(rows.get(), PG_DIAG_MESSAGE_PRIMARY);
  // FATAL and PANIC: the server closes the connection; what it had done by then is unknown.
  if (field(rows.get(), PG_DIAG_SEVERITY_NONLOCALIZED) != "ERROR") {
    error.lost = true;
    close();
  }
  return pq_reply{nullptr, std::move(error)};
}

task<pq_reply> pq_connection::rest_of_results() {
  pq_reply last;
  for (;;) {
    auto reply = co_await next();
    if (reply.error && !last.error)
      last.error = std::move(reply.error);
    if (last.error && last.error->lost)
      break;
    if (!reply.rows && !reply.error)
      break;
    if (reply.rows && !last.error)
      last.rows = std::move(reply.rows);
  }
  disarm();
  if (last.error)
    last.rows.reset();
  co_return last;
}

task<pq_reply> pq_connection::query(const char* sql, const pq_parameters& parameters) {
  warned_ = false;
  warning_.clear();
  arm(settings_.statement_timeout + settings_.answer_grace, true);
  note_begin(sql);
  if (cut_ || !connection_ || !parameters.send(connection_.get(), sql))
    co_return pq_reply{nullptr, lost("send")};
  const bool sent = co_await flush();
  if (!sent)
    co_return pq_reply{nullptr, lost("send")};
  co_return co_await rest_of_results();
}

task<pq_reply> pq_connection::run(const std::string& sql) {
  auto error = co_await begin(sql);
  if (error)
    co_return pq_reply{nullptr, std::move(error)};
  co_return co_await rest_of_results();
}

task<bool> pq_connection::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, copy_chunk_bytes);
    const int taken =
      pq::put_copy_data(connection_.get(), part.data(), static_cast<int>(part.size()));
    if (taken < 0)
      co_return false;
    if (taken > 0)
      bytes.remove_prefix(part.size());
    const bool sent = co_await flush();
    if (!sent)
      co_return false;
  }
  co_return true;
}

task<bool> pq_connection::end_copy() {
  for (;;) {
    const int taken = pq::put_copy_end(connection_.get());
    if (taken < 0)
      co_return false;
    const bool sent = co_await flush();
    if (!sent)
      co_return false;
    if (taken > 0)
      co_return true;
  }
}

void pq_connection::notice(const PGresult* message) {
  const auto severity = field(message, PG_DIAG_SEVERITY_NONLOCALIZED);
  ended_ = ended_ || severity == "FATAL" || severity == "PANIC";
  const auto sqlstate = field(message, PG_DIAG_SQLSTATE);
  if (!sqlstate.starts_with("01") && !sqlstate.starts_with("57"))
    return;
  warned_ = true;
  warning_ = sqlstate + ": " + field(message, PG_DIAG_MESSAGE_PRIMARY);
}

task<void> pause_for(std::chrono::milliseconds time) {
  asio::steady_timer timer{co_await asio::this_coro::executor, time};
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

} // namespace furrow::storage
