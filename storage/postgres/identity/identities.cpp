#include "storage/identity/identities.hpp"

#include "storage/identity/identity_plan.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"

#include <chrono>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

std::int64_t identity_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

identity_plan plan_now() {
  return identity_plan{sql_dialect::postgres, identity_clock_us()};
}

sql_answer answer_in(const pq_rows& rows, const PGresult* raw) {
  sql_answer out(static_cast<std::size_t>(rows.size()));
  const auto columns = PQnfields(raw);
  for (int row = 0; row < rows.size(); ++row)
    for (int column = 0; column < columns; ++column)
      out[static_cast<std::size_t>(row)].push_back(
        rows.null(row, column) ? std::nullopt : std::optional{rows.text(row, column)});
  return out;
}

/// Whether all of it was done; false after a refusal.
task<result<bool>> run_steps(pq_connection& db, const sql_script& script) {
  for (const auto& step : script.steps) {
    const auto statement = step.ask();
    if (!statement)
      continue;
    pq_parameters given;
    for (const auto& value : statement->given)
      given.text(value);
    const auto reply = co_await db.query(statement->text->c_str(), given);
    if (reply.error)
      co_return reply.error->as_failure();
    const pq_rows rows{reply.rows.get()};
    if (!step.take(answer_in(rows, reply.rows.get())))
      co_return false;
  }
  co_return true;
}

task<result<done>> run_script(pq_connection& db, const sql_script& script) {
  if (!script.changes) {
    const auto ran = co_await run_steps(db, script);
    if (!ran)
      co_return ran.error();
    co_return done{};
  }
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto ran = co_await run_steps(db, script);
  if (!db.connected())
    co_return failure{errc::retry_later, "connection lost"};
  const bool keep = ran && *ran;
  const auto ended = co_await db.run(keep ? "commit" : "rollback");
  if (!db.idle())
    db.close();
  if (!ran)
    co_return ran.error();
  if (keep && ended.error)
    co_return ended.error->lost
      ? failure{errc::in_doubt, "the connection was lost during the commit: read it again"}
      : ended.error->as_failure();
  co_return done{};
}

template <class T>
task<result<T>>
filled_by(pq_connection& db, std::shared_ptr<const sql_script> script, filled<T> out) {
  const auto ran = co_await run_script(db, *script);
  if (!ran)
    co_return ran.error();
  co_return std::move(*out);
}

/// `Pool` is a query_pool or a lane.
template <class T, class Pool, class Make>
void carry_out(Pool& pool, handler<T> done, Make make) {
  const auto out = std::make_shared<T>();
  const auto script = std::make_shared<const sql_script>(make(out));
  pool.submit(job_of(false, std::move(done),
                     [script, out](pq_connection& db) { return filled_by<T>(db, script, out); }));
}

/// Nodes read over the connection that is never busy for long; people use the pool.
class postgres_identities : public identity_store {
public:
  postgres_identities(std::shared_ptr<postgres_pool> watch, std::shared_ptr<query_pool> people)
    : watch_{std::move(watch)}, people_{std::move(people)} {}

  void read(std::int64_t known, handler<std::optional<identity_list>> done) override {
    carry_out(*watch_, std::move(done), [&](auto out) { return plan_now().read(known, out); });
  }
  void list_users(identity_query query, handler<std::vector<user_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().list_users(query, out); });
  }
  void list_tokens(identity_query query, handler<std::vector<token_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().list_tokens(query, out); });
  }
  void list_sessions(std::int64_t user, handler<std::vector<session_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().list_sessions(user, out); });
  }
  void find_user(identity_key key, handler<stored_login> done) override {
    handler<std::optional<stored_login>> found =
      [done = std::move(done), name = to_text(key)](result<std::optional<stored_login>> answer) {
        if (!answer)
          done(answer.error());
        else if (!*answer)
          done(failure{errc::not_found, "there is no user " + name});
        else
          done(std::move(**answer));
      };
    carry_out(*people_, std::move(found), [&](auto out) { return plan_now().find_user(key, out); });
  }
  void add_user(user_row user,
                std::string password,
                bool first,
                author by,
                handler<identity_outcome<user_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().add_user(user, password, first, by, out); });
  }
  void change_user(identity_key key,
                   user_change change,
                   author by,
                   handler<identity_outcome<user_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().change_user(key, change, by, out); });
  }
  void remove_user(identity_key key, author by, handler<identity_outcome<user_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().remove_user(key, by, out); });
  }
  void add_token(token_row token, author by, handler<identity_outcome<token_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().add_token(token, by, out); });
  }
  void
  remove_token(identity_key key, author by, handler<identity_outcome<token_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().remove_token(key, by, out); });
  }
  void open_session(session_row session,
                    author by,
                    handler<identity_outcome<session_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().open_session(session, by, out); });
  }
  void close_sessions(session_selection which, author by, handler<std::uint64_t> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().close_sessions(which, by, out); });
  }
  void note_use(std::vector<identity_use> uses, handler<furrow::done> done) override {
    carry_out(*watch_, std::move(done), [&](const auto&) { return plan_now().note_use(uses); });
  }

private:
  std::shared_ptr<postgres_pool> watch_;
  std::shared_ptr<query_pool> people_;
};

class postgres_audit : public audit_store {
public:
  explicit postgres_audit(std::shared_ptr<query_pool> people) : people_{std::move(people)} {}

  void note(audit_row row, handler<furrow::done> done) override {
    carry_out(*people_, std::move(done), [&](const auto&) { return plan_now().note_audit(row); });
  }
  void list(audit_query query, handler<std::vector<audit_row>> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().list_audit(query, out); });
  }
  void prune(std::int64_t older_than_us, handler<std::uint64_t> done) override {
    carry_out(*people_, std::move(done),
              [&](auto out) { return plan_now().prune_audit(older_than_us, out); });
  }

private:
  std::shared_ptr<query_pool> people_;
};

} // namespace

std::unique_ptr<identity_store> make_identities(std::shared_ptr<postgres_pool> watch,
                                                std::shared_ptr<query_pool> people) {
  return std::make_unique<postgres_identities>(std::move(watch), std::move(people));
}

std::unique_ptr<audit_store> make_audit(std::shared_ptr<query_pool> people) {
  return std::make_unique<postgres_audit>(std::move(people));
}

task<std::optional<pq_error>> note_change(pq_connection& db, const audit_row& row) {
  const auto statement = audit_statement(sql_dialect::postgres, row);
  pq_parameters given;
  for (const auto& value : statement.given)
    given.text(value);
  const auto reply = co_await db.query(statement.text->c_str(), given);
  co_return reply.error;
}

std::string note_statement(pq_connection& db, const audit_row& row) {
  const auto statement = audit_statement(sql_dialect::postgres, row);
  std::string_view rest = *statement.text;
  std::string out;
  while (db.connected() && !rest.empty()) {
    const auto mark = std::min(rest.find('$'), rest.size());
    out += rest.substr(0, mark);
    rest.remove_prefix(mark);
    if (rest.empty())
      break;
    const auto& value = statement.given.at(static_cast<std::size_t>(rest[1] - '1'));
    const std::unique_ptr<char, decltype(&PQfreemem)> quoted{
      PQescapeLiteral(db.raw(), value.data(), value.size()), PQfreemem};
    if (!quoted)
      return {};
    out += quoted.get();
    rest.remove_prefix(2); // the statement has fewer than ten parameters
  }
  return out;
}

} // namespace furrow::storage::postgres_work
