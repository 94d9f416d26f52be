#include "storage/identity/identities.hpp"

#include "storage/identity/identity_plan.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <chrono>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

identity_plan identity_plan_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return identity_plan{sql_dialect::sqlite,
                       std::chrono::duration_cast<std::chrono::microseconds>(now).count()};
}

sql_answer answer_of(sqlite_db& db, const sql_statement& asked) {
  auto statement = db.statement(asked.text->c_str());
  for (const auto& value : asked.given)
    statement.with(value);
  sql_answer out;
  while (statement.step()) {
    auto& row = out.emplace_back();
    for (int column = 0; column < statement.columns(); ++column)
      row.push_back(statement.null(column) ? std::nullopt
                                           : std::optional{std::string{statement.bytes(column)}});
  }
  return out;
}

/// Whether all of it was done; false after a refusal.
bool run_steps(sqlite_db& db, const sql_script& script) {
  for (const auto& step : script.steps)
    if (const auto statement = step.ask(); statement && !step.take(answer_of(db, *statement)))
      return false;
  return true;
}

void run_script(sqlite_db& db, const sql_script& script) {
  if (!script.changes) {
    run_steps(db, script);
    return;
  }
  sqlite_transaction transaction{db};
  if (run_steps(db, script))
    transaction.commit();
}

/// `T`: the answer.
template <class T, class Make>
void carry_out(sqlite_connection& connection, handler<T> done, Make make) {
  const auto out = std::make_shared<T>();
  const auto script = std::make_shared<const sql_script>(make(out));
  connection.submit(std::move(done), [script, out](sqlite_db& db) -> storage::result<T> {
    run_script(db, *script);
    return std::move(*out);
  });
}

class sqlite_identities : public identity_store {
public:
  explicit sqlite_identities(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void read(std::int64_t known, handler<std::optional<identity_list>> done) override {
    carry_out(*reader_, std::move(done),
              [&](auto out) { return identity_plan_now().read(known, out); });
  }
  void list_users(identity_query query, handler<std::vector<user_row>> done) override {
    carry_out(*reader_, std::move(done),
              [&](auto out) { return identity_plan_now().list_users(query, out); });
  }
  void list_tokens(identity_query query, handler<std::vector<token_row>> done) override {
    carry_out(*reader_, std::move(done),
              [&](auto out) { return identity_plan_now().list_tokens(query, out); });
  }
  void list_sessions(std::int64_t user, handler<std::vector<session_row>> done) override {
    carry_out(*reader_, std::move(done),
              [&](auto out) { return identity_plan_now().list_sessions(user, out); });
  }
  void find_user(identity_key key, handler<stored_login> done) override {
    handler<std::optional<stored_login>> found =
      [done = std::move(done),
       name = to_text(key)](storage::result<std::optional<stored_login>> answer) {
        if (!answer)
          done(answer.error());
        else if (!*answer)
          done(failure{errc::not_found, "there is no user " + name});
        else
          done(std::move(**answer));
      };
    carry_out(*reader_, std::move(found),
              [&](auto out) { return identity_plan_now().find_user(key, out); });
  }
  void add_user(user_row user,
                std::string password,
                bool first,
                author by,
                handler<identity_outcome<user_row>> done) override {
    carry_out(*writer_, std::move(done), [&](auto out) {
      return identity_plan_now().add_user(user, password, first, by, out);
    });
  }
  void change_user(identity_key key,
                   user_change change,
                   author by,
                   handler<identity_outcome<user_row>> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().change_user(key, change, by, out); });
  }
  void remove_user(identity_key key, author by, handler<identity_outcome<user_row>> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().remove_user(key, by, out); });
  }
  void add_token(token_row token, author by, handler<identity_outcome<token_row>> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().add_token(token, by, out); });
  }
  void
  remove_token(identity_key key, author by, handler<identity_outcome<token_row>> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().remove_token(key, by, out); });
  }
  void open_session(session_row session,
                    author by,
                    handler<identity_outcome<session_row>> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().open_session(session, by, out); });
  }
  void close_sessions(session_selection which, author by, handler<std::uint64_t> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().close_sessions(which, by, out); });
  }
  void note_use(std::vector<identity_use> uses, handler<furrow::done> done) override {
    carry_out(*writer_, std::move(done),
              [&](const auto&) { return identity_plan_now().note_use(uses); });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

class sqlite_audit : public audit_store {
public:
  explicit sqlite_audit(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void note(audit_row row, handler<furrow::done> done) override {
    carry_out(*writer_, std::move(done),
              [&](const auto&) { return identity_plan_now().note_audit(row); });
  }
  void list(audit_query query, handler<std::vector<audit_row>> done) override {
    carry_out(*reader_, std::move(done),
              [&](auto out) { return identity_plan_now().list_audit(query, out); });
  }
  void prune(std::int64_t older_than_us, handler<std::uint64_t> done) override {
    carry_out(*writer_, std::move(done),
              [&](auto out) { return identity_plan_now().prune_audit(older_than_us, out); });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<identity_store> make_identities(sqlite_connections db) {
  return std::make_unique<sqlite_identities>(std::move(db));
}

std::unique_ptr<audit_store> make_audit(sqlite_connections db) {
  return std::make_unique<sqlite_audit>(std::move(db));
}

void note_change(sqlite_db& db, const audit_row& row) {
  (void)answer_of(db, audit_statement(sql_dialect::sqlite, row));
}

} // namespace furrow::storage::sqlite_work
