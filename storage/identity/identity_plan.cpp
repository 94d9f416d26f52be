#include "storage/identity/identity_plan.hpp"

#include "storage/identity/identity_rows.hpp"
#include "storage/identity/password.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage {

namespace {

constexpr const char* of_farm =
  "((@1 = '' and u.farm_id is null) or u.farm_id = (select h.id from furrow.farm h where "
  "h.name = @1)) and u.name = @2";
constexpr const char* token_of_farm =
  "((@1 = '' and t.farm_id is null) or t.farm_id = (select h.id from furrow.farm h where h.name = "
  "@1)) and t.name = @2";
constexpr const char* make_farm = "insert into furrow.farm (name) select @1 where @1 <> '' and not "
                                  "exists (select 1 from furrow.farm f where f.name = "
                                  "@1) on conflict do nothing";
constexpr const char* one_by_one =
  "update furrow.identity_state set version = version where id = 1";
constexpr const char* count_admins = "select cast(count(*) as text) from furrow.\"user\" where "
                                     "farm_id is null and farms = '[]' and role = 'admin' and "
                                     "status = 'active' and password <> ''";

bool is_admin_of_node(const user_row& user) {
  return user.key.farm.empty() && user.farms.empty() && user.role == "admin"
         && user.status == "active" && user.has_password;
}

std::string cut(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

} // namespace

/// Puts a script together.
class identity_plan::writer {
public:
  writer(const identity_plan& plan, bool changes) : plan_{plan} { script_.changes = changes; }

  /// A statement that is known from the beginning.
  writer& run(std::string_view marked, std::vector<std::string> given = {}) {
    return then(
      [statement = sql_statement{&plan_.text(marked), std::move(given)}] { return statement; });
  }
  writer& take(std::function<bool(const sql_answer&)> read) {
    script_.steps.back().take = std::move(read);
    return *this;
  }
  /// A statement that depends on the answers before; nothing leaves it out.
  writer& then(std::function<std::optional<sql_statement>()> ask) {
    script_.steps.push_back({std::move(ask), [](const sql_answer&) { return true; }});
    return *this;
  }
  sql_script done() { return std::move(script_); }

private:
  const identity_plan& plan_;
  sql_script script_;
};

namespace {

template <class Row>
bool refuse(identity_outcome<Row>& out, identity_refusal why, std::string detail) {
  out.refused = why;
  out.detail = std::move(detail);
  return false;
}

/// Of a script that ends at once.
sql_script nothing_to_do() {
  return {};
}

} // namespace

sql_script identity_plan::read(std::int64_t known, filled<std::optional<identity_list>> out) const {
  writer script{*this, false};
  script.run("select cast(version as text) from furrow.identity_state where id = 1")
    .take([known, out](const sql_answer& rows) {
      const auto version = rows.empty() ? 0 : number_in(rows[0][0]);
      if (version != known) {
        out->emplace();
        (*out)->version = version;
      }
      return version != known;
    });
  script.run(user_select).take([out](const sql_answer& rows) {
    for (const auto& row : rows)
      (*out)->users.push_back(user_in(row));
    return true;
  });
  script.run(token_select).take([out](const sql_answer& rows) {
    for (const auto& row : rows)
      (*out)->tokens.push_back(token_in(row));
    return true;
  });
  const auto live =
    std::string{session_select}
    + "join furrow.\"user\" u on u.id = s.user_id where u.status = 'active' and s.expires_us > "
      "cast(@1 as bigint)";
  script.run(live, {std::to_string(now_us_)}).take([out](const sql_answer& rows) {
    for (const auto& row : rows)
      (*out)->sessions.push_back(session_in(row));
    return true;
  });
  return script.done();
}

sql_script identity_plan::list_users(const identity_query& query,
                                     filled<std::vector<user_row>> out) const {
  const auto page = std::clamp<std::size_t>(query.rows_max, 1, identity_page_max);
  const auto marked = std::string{user_select}
                      + "where (@1 = 'every' or coalesce(f.name, '') = @2) and (coalesce(f.name, "
                        "''), u.name) > (@3, @4) "
                        "order by coalesce(f.name, ''), u.name limit cast(@5 as bigint)";
  writer script{*this, false};
  script
    .run(marked, {query.farm ? "one" : "every", query.farm.value_or(""), query.after.farm,
                  query.after.name, std::to_string(page)})
    .take([out](const sql_answer& rows) {
      for (const auto& row : rows)
        out->push_back(user_in(row));
      return true;
    });
  return script.done();
}

sql_script identity_plan::list_tokens(const identity_query& query,
                                      filled<std::vector<token_row>> out) const {
  const auto page = std::clamp<std::size_t>(query.rows_max, 1, identity_page_max);
  const auto marked = std::string{token_select}
                      + "where (@1 = 'every' or coalesce(f.name, '') = @2) and (coalesce(f.name, "
                        "''), t.name) > (@3, @4) "
                        "order by coalesce(f.name, ''), t.name limit cast(@5 as bigint)";
  writer script{*this, false};
  script
    .run(marked, {query.farm ? "one" : "every", query.farm.value_or(""), query.after.farm,
                  query.after.name, std::to_string(page)})
    .take([out](const sql_answer& rows) {
      for (const auto& row : rows)
        out->push_back(token_in(row));
      return true;
    });
  return script.done();
}

sql_script identity_plan::list_sessions(std::int64_t user,
                                        filled<std::vector<session_row>> out) const {
  writer script{*this, false};
  const auto marked =
    std::string{session_select}
    + "where s.user_id = cast(@1 as int) and s.expires_us > cast(@2 as bigint) order by s.id desc";
  script.run(marked, {std::to_string(user), std::to_string(now_us_)})
    .take([out](const sql_answer& rows) {
      for (const auto& row : rows)
        out->push_back(session_in(row));
      return true;
    });
  return script.done();
}

sql_script identity_plan::find_user(const identity_key& key,
                                    filled<std::optional<stored_login>> out) const {
  writer script{*this, false};
  script.run(std::string{user_select} + "where " + of_farm, {key.farm, key.name})
    .take([out](const sql_answer& rows) {
      if (!rows.empty())
        *out = stored_login{user_in(rows[0]), rows[0].back().value_or("")};
      return true;
    });
  return script.done();
}

sql_script identity_plan::add_user(const user_row& user,
                                   const std::string& password,
                                   bool first,
                                   const author& by,
                                   filled<identity_outcome<user_row>> out) const {
  if (auto fault = fault_of(user); !fault.empty())
    return refuse(*out, identity_refusal::invalid, std::move(fault)), nothing_to_do();
  if (!password.empty() && !is_password_hash(password))
    return refuse(*out, identity_refusal::invalid, "the password must be a hash"), nothing_to_do();
  const auto name = to_text(user.key);
  writer script{*this, true};
  script.run(one_by_one);
  if (first)
    script.run(count_admins).take([out](const sql_answer& rows) {
      return number_in(rows.at(0)[0]) == 0
             || refuse(*out, identity_refusal::admin_exists, "the node has an admin already");
    });
  script.run("select cast(count(*) as text) from furrow.\"user\"")
    .take([out](const sql_answer& rows) {
      return static_cast<std::size_t>(number_in(rows.at(0)[0])) < users_max
             || refuse(*out, identity_refusal::full,
                       "there are " + std::to_string(users_max)
                         + " users, as many as there may be");
    });
  script.run(make_farm, {user.key.farm});
  script
    .run("insert into furrow.\"user\" (farm_id, name, title, role, status, password, farms, "
         "equipment) values ((select "
         "f.id from furrow.farm f where f.name = @1), @2, @3, @4, @5, @6, json@7, json@8) on "
         "conflict do nothing "
         "returning cast(id as text)",
         {user.key.farm, user.key.name, user.title, user.role, user.status, password,
          list_json(user.farms), list_json(user.equipment)})
    .take([out, name](const sql_answer& rows) {
      return !rows.empty()
             || refuse(*out, identity_refusal::exists, "there is a user " + name + " already");
    });
  audit_row note{0, by.who, first ? "init" : "user add", name, {}, user.key.farm, by.origin};
  note.after = audit_json(user, false);
  script.then([statement = audit_statement(dialect_, note)] { return statement; });
  script.run(std::string{user_select} + "where " + of_farm, {user.key.farm, user.key.name})
    .take([out](const sql_answer& rows) {
      out->row = user_in(rows.at(0));
      return true;
    });
  return script.done();
}

sql_script identity_plan::change_user(const identity_key& key,
                                      const user_change& change,
                                      const author& by,
                                      filled<identity_outcome<user_row>> out) const {
  struct state {
    user_row before;
    user_row after;
    std::string password;
    bool ends_sessions = false;
  };
  if (change.password && !is_password_hash(*change.password))
    return refuse(*out, identity_refusal::invalid, "the password must be a hash"), nothing_to_do();
  const auto held = std::make_shared<state>();
  const auto name = to_text(key);
  writer script{*this, true};
  script.run(one_by_one);
  script.run(std::string{user_select} + "where " + of_farm, {key.farm, key.name})
    .take([=](const sql_answer& rows) {
      if (rows.empty())
        return refuse(*out, identity_refusal::missing, "there is no user " + name);
      auto& before = held->before = user_in(rows[0]);
      if (change.version != 0 && change.version != before.version)
        return refuse(*out, identity_refusal::conflict,
                      "user " + name + " has version " + std::to_string(before.version)
                        + " now: read it again");
      auto& after = held->after = before;
      after.title = change.title.value_or(before.title);
      after.role = change.role.value_or(before.role);
      after.status = change.status.value_or(before.status);
      after.farms = change.farms.value_or(before.farms);
      after.equipment = change.equipment.value_or(before.equipment);
      after.has_password = before.has_password || change.password.has_value();
      held->password = change.password.value_or(rows[0].back().value_or(""));
      held->ends_sessions = change.password || after.status != "active" || after.role != before.role
                            || after.farms != before.farms || after.equipment != before.equipment;
      auto fault = fault_of(after);
      return fault.empty() || refuse(*out, identity_refusal::invalid, std::move(fault));
    });
  script.then([this_dialect = dialect_, held] {
    const auto& now = held->after;
    return std::optional{sql_statement{
      &sql_text(
        this_dialect,
        "update furrow.\"user\" set title = @1, role = @2, status = @3, farms = json@4, equipment "
        "= json@5, "
        "password = @6, version = version + 1, updated_at = now@ where id = cast(@7 as int)"),
      {now.title, now.role, now.status, list_json(now.farms), list_json(now.equipment),
       held->password, std::to_string(now.id)}}};
  });
  script.run(count_admins).take([=](const sql_answer& rows) {
    return !is_admin_of_node(held->before) || number_in(rows.at(0)[0]) > 0
           || refuse(*out, identity_refusal::last_admin,
                     name + " is the last admin of the node: make another one first");
  });
  script.then([this_dialect = dialect_, held, keep = change.keep_session] {
    if (!held->ends_sessions)
      return std::optional<sql_statement>{};
    return std::optional{sql_statement{
      &sql_text(this_dialect,
                "delete from furrow.session where user_id = cast(@1 as int) and id <> "
                "cast(@2 as bigint)"),
      {std::to_string(held->after.id), std::to_string(keep)}}};
  });
  script.then([this_dialect = dialect_, held, by, name, fresh = change.password.has_value()] {
    audit_row note{0, by.who, "user change", name, {}, held->before.key.farm, by.origin};
    note.before = audit_json(held->before, false);
    note.after = audit_json(held->after, fresh);
    return std::optional{audit_statement(this_dialect, note)};
  });
  script.run(std::string{user_select} + "where " + of_farm, {key.farm, key.name})
    .take([out](const sql_answer& rows) {
      out->row = user_in(rows.at(0));
      return true;
    });
  return script.done();
}

sql_script identity_plan::remove_user(const identity_key& key,
                                      const author& by,
                                      filled<identity_outcome<user_row>> out) const {
  const auto name = to_text(key);
  writer script{*this, true};
  script.run(one_by_one);
  script.run(std::string{user_select} + "where " + of_farm, {key.farm, key.name})
    .take([=](const sql_answer& rows) {
      if (rows.empty())
        return refuse(*out, identity_refusal::missing, "there is no user " + name);
      out->row = user_in(rows[0]);
      return true;
    });
  for (const auto* remove : {"delete from furrow.session where user_id = cast(@1 as int)",
                             "delete from furrow.\"user\" where id = cast(@1 as int)"})
    script.then([text = &text(remove), out] {
      return std::optional{sql_statement{text, {std::to_string(out->row.id)}}};
    });
  script.run(count_admins).take([=](const sql_answer& rows) {
    return !is_admin_of_node(out->row) || number_in(rows.at(0)[0]) > 0
           || refuse(*out, identity_refusal::last_admin,
                     name + " is the last admin of the node: make another one first");
  });
  script.then([this_dialect = dialect_, out, by, name] {
    audit_row note{0, by.who, "user remove", name, {}, out->row.key.farm, by.origin};
    note.before = audit_json(out->row, false);
    return std::optional{audit_statement(this_dialect, note)};
  });
  return script.done();
}

sql_script identity_plan::add_token(const token_row& token,
                                    const author& by,
                                    filled<identity_outcome<token_row>> out) const {
  if (auto fault = fault_of(token); !fault.empty())
    return refuse(*out, identity_refusal::invalid, std::move(fault)), nothing_to_do();
  if (token.expires_us && *token.expires_us <= now_us_)
    return refuse(*out, identity_refusal::invalid, "the token would have expired already"),
           nothing_to_do();
  const auto name = to_text(token.key);
  writer script{*this, true};
  script.run(one_by_one);
  script.run("select cast(count(*) as text) from furrow.token").take([out](const sql_answer& rows) {
    return static_cast<std::size_t>(number_in(rows.at(0)[0])) < tokens_max
           || refuse(*out, identity_refusal::full,
                     "there are " + std::to_string(tokens_max)
                       + " tokens, as many as there may be");
  });
  script.run(make_farm, {token.key.farm});
  script
    .run("insert into furrow.token (farm_id, name, sha256, role, farms, equipment, expires_us, "
         "created_by) values "
         "((select f.id from furrow.farm f where f.name = @1), @2, @3, @4, json@5, json@6, "
         "cast(nullif(@7, '') as "
         "bigint), @8) on conflict do nothing returning cast(id as text)",
         {token.key.farm, token.key.name, token.sha256, token.role, list_json(token.farms),
          list_json(token.equipment), token.expires_us ? std::to_string(*token.expires_us) : "",
          cut(by.who, audit_text_max)})
    .take([out, name](const sql_answer& rows) {
      return !rows.empty()
             || refuse(*out, identity_refusal::exists, "there is a token " + name + " already");
    });
  audit_row note{0, by.who, "token new", name, {}, token.key.farm, by.origin};
  note.after = audit_json(token);
  script.then([statement = audit_statement(dialect_, note)] { return statement; });
  script.run(std::string{token_select} + "where " + token_of_farm, {token.key.farm, token.key.name})
    .take([out](const sql_answer& rows) {
      out->row = token_in(rows.at(0));
      return true;
    });
  return script.done();
}

sql_script identity_plan::remove_token(const identity_key& key,
                                       const author& by,
                                       filled<identity_outcome<token_row>> out) const {
  const auto name = to_text(key);
  writer script{*this, true};
  script.run(one_by_one);
  script.run(std::string{token_select} + "where " + token_of_farm, {key.farm, key.name})
    .take([=](const sql_answer& rows) {
      if (rows.empty())
        return refuse(*out, identity_refusal::missing, "there is no token " + name);
      out->row = token_in(rows[0]);
      return true;
    });
  script.then([text = &text("delete from furrow.token where id = cast(@1 as int)"), out] {
    return std::optional{sql_statement{text, {std::to_string(out->row.id)}}};
  });
  script.then([this_dialect = dialect_, out, by, name] {
    audit_row note{0, by.who, "token revoke", name, {}, out->row.key.farm, by.origin};
    note.before = audit_json(out->row);
    return std::optional{audit_statement(this_dialect, note)};
  });
  return script.done();
}

sql_script identity_plan::open_session(const session_row& session,
                                       const author& by,
                                       filled<identity_outcome<session_row>> out) const {
  const auto user = std::to_string(session.user);
  const auto held = std::make_shared<user_row>();
  writer script{*this, true};
  script.run(one_by_one);
  script
    .run(std::string{user_select} + "where u.id = cast(@1 as int) and u.status = 'active'", {user})
    .take([out, held](const sql_answer& rows) {
      if (rows.empty())
        return refuse(*out, identity_refusal::missing, "the user is not active");
      *held = user_in(rows[0]);
      return true;
    });
  script.run("delete from furrow.session where expires_us <= cast(@1 as bigint)",
             {std::to_string(now_us_)});
  script.run("delete from furrow.session where user_id = cast(@1 as int) and id not in (select "
             "s.id from furrow.session s "
             "where s.user_id = cast(@1 as int) order by s.id desc limit cast(@2 as bigint))",
             {user, std::to_string(sessions_of_user_max - 1)});
  script
    .run("insert into furrow.session (user_id, sha256, origin, created_us, last_used_us, "
         "expires_us) values (cast(@1 as "
         "int), @2, @3, cast(@4 as bigint), cast(@4 as bigint), cast(@5 as bigint)) returning "
         "cast(id as text)",
         {user, session.sha256, cut(session.origin, audit_text_max), std::to_string(now_us_),
          std::to_string(session.expires_us)})
    .take([out, session, now = now_us_](const sql_answer& rows) {
      out->row = session;
      out->row.id = number_in(rows.at(0)[0]);
      out->row.created_us = out->row.last_used_us = now;
      return true;
    });
  script.run(
    "update furrow.\"user\" set last_login_us = cast(@1 as bigint) where id = cast(@2 as int)",
    {std::to_string(now_us_), user});
  script.then([this_dialect = dialect_, held, by] {
    return std::optional{audit_statement(
      this_dialect, {0, by.who, "login", to_text(held->key), {}, held->key.farm, by.origin})};
  });
  return script.done();
}

sql_script identity_plan::close_sessions(const session_selection& which,
                                         const author& by,
                                         filled<std::uint64_t> out) const {
  const auto user = std::to_string(which.user);
  writer script{*this, true};
  script.run(one_by_one);
  script
    .run("delete from furrow.session where user_id = cast(@1 as int) and cast(@2 as bigint) in (0, "
         "id) returning cast(id "
         "as text)",
         {user, std::to_string(which.id)})
    .take([out](const sql_answer& rows) {
      *out = rows.size();
      return true;
    });
  const auto held = std::make_shared<user_row>();
  script.run(std::string{user_select} + "where u.id = cast(@1 as int)", {user})
    .take([held, out](const sql_answer& rows) {
      if (!rows.empty())
        *held = user_in(rows[0]);
      return !rows.empty() && *out > 0; // nothing has ended: nothing to note
    });
  script.then([this_dialect = dialect_, held, by, out] {
    return std::optional{audit_statement(this_dialect, {0, by.who, "logout", to_text(held->key),
                                                        std::to_string(*out) + " sessions",
                                                        held->key.farm, by.origin})};
  });
  return script.done();
}

sql_script identity_plan::note_use(const std::vector<identity_use>& uses) const {
  writer script{*this, true};
  for (const auto& use : uses)
    script.run(use.session ? "update furrow.session set last_used_us = cast(@2 as bigint) where id "
                             "= cast(@1 as bigint) and "
                             "last_used_us < cast(@2 as bigint)"
                           : "update furrow.token set last_used_us = cast(@2 as bigint) where id = "
                             "cast(@1 as int) and "
                             "coalesce(last_used_us, 0) < cast(@2 as bigint)",
               {std::to_string(use.id), std::to_string(use.at_us)});
  return script.done();
}

sql_script identity_plan::note_audit(const audit_row& row) const {
  writer script{*this, false};
  script.then([statement = audit_statement(dialect_, row)] { return statement; });
  return script.done();
}

sql_script identity_plan::list_audit(const audit_query& query,
                                     filled<std::vector<audit_row>> out) const {
  const auto page = std::clamp<std::size_t>(query.rows_max, 1, audit_page_max);
  const auto marked =
    std::string{audit_select}
    + "where (@1 = 'every' or a.farm = @2) and (@3 = '0' or a.id < cast(@3 as bigint)) and (@4 = "
      "'' or "
      "a.who = @4) and (@5 = '' or substr(a.action, 1, length(@5)) = @5) order by a.id desc limit "
      "cast(@6 as bigint)";
  writer script{*this, false};
  script
    .run(marked, {query.farm ? "one" : "every", query.farm.value_or(""),
                  std::to_string(query.older_than), query.who, query.action, std::to_string(page)})
    .take([out](const sql_answer& rows) {
      for (const auto& row : rows)
        out->push_back(audit_in(row));
      return true;
    });
  return script.done();
}

sql_script identity_plan::prune_audit(std::int64_t older_than_us, filled<std::uint64_t> out) const {
  writer script{*this, false};
  script
    .run(
      "delete from furrow.audit where micros(time) < cast(@1 as bigint) returning cast(id as text)",
      {std::to_string(older_than_us)})
    .take([out](const sql_answer& rows) {
      *out = rows.size();
      return true;
    });
  return script.done();
}

sql_statement audit_statement(sql_dialect dialect, const audit_row& row) {
  const auto json = [](const std::string& text) {
    return text.size() <= audit_json_max ? text : std::string{R"({"left_out":"too long"})"};
  };
  return {
    &sql_text(
      dialect,
      "insert into furrow.audit (time, who, action, object, detail, farm, origin, before_change, "
      "after_change) values (now@, @1, @2, @3, @4, @5, @6, json@7, json@8)"),
    {cut(row.who, audit_text_max), cut(row.action, audit_text_max), cut(row.object, audit_text_max),
     cut(row.detail, audit_text_max), row.farm, cut(row.origin, audit_text_max), json(row.before),
     json(row.after)}};
}

} // namespace furrow::storage
