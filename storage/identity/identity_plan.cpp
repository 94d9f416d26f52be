#include "storage/identity/identity_plan.hpp"

#include "storage/identity/identity_rows.hpp"
#include "storage/identity/password.hpp"
#include "storage/identity/script_writer.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage {

namespace {

constexpr const char* of_farm =
  "((@1 = '' and u.farm_id is null) or u.farm_id = (select h.id from furrow.farm h where "
  "h.name = @1)) and u.name = @2";
constexpr const char* count_admins = "select cast(count(*) as text) from furrow.\"user\" where "
                                     "farm_id is null and farms = '[]' and role = 'admin' and "
                                     "status = 'active' and password <> ''";

bool is_admin_of_node(const user_row& user) {
  return user.key.farm.empty() && user.farms.empty() && user.role == "admin"
         && user.status == "active" && user.has_password;
}

std::vector<std::string> page_of(const identity_query& query) {
  const auto rows = std::clamp<std::size_t>(query.rows_max, 1, identity_page_max);
  return {query.farm ? "one" : "every", query.farm.value_or(""), query.after.farm, query.after.name,
          std::to_string(rows)};
}

/// After a change: whether the node still has an admin, if the user was one.
auto keeps_an_admin(std::function<user_row()> before,
                    const filled<identity_outcome<user_row>>& out) {
  return [before = std::move(before), out](const sql_answer& rows) {
    return !is_admin_of_node(before()) || number_in(rows.at(0)[0]) > 0
           || refuse(*out, identity_refusal::last_admin,
                     to_text(before().key)
                       + " is the last admin of the node: make another one first");
  };
}

} // namespace

sql_script identity_plan::read(std::int64_t known,
                               const filled<std::optional<identity_list>>& out) const {
  script_writer script{dialect_, false};
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
  script_writer script{dialect_, false};
  script
    .run(std::string{user_select}
           + "where (@1 = 'every' or coalesce(f.name, '') = @2) and (coalesce(f.name, ''), u.name) "
             "> (@3, @4) order by "
             "coalesce(f.name, ''), u.name limit cast(@5 as bigint)",
         page_of(query))
    .take(all_into(std::move(out), user_in));
  return script.done();
}

sql_script identity_plan::list_tokens(const identity_query& query,
                                      filled<std::vector<token_row>> out) const {
  script_writer script{dialect_, false};
  auto values = page_of(query);
  values.push_back(query.name);
  script
    .run(std::string{token_select}
           + "where (@1 = 'every' or coalesce(f.name, '') = @2) and (coalesce(f.name, ''), t.name) "
             "> (@3, @4) and (@6 = '' or t.name = @6) order by "
             "coalesce(f.name, ''), t.name limit cast(@5 as bigint)",
         values)
    .take(all_into(std::move(out), token_in));
  return script.done();
}

sql_script identity_plan::list_sessions(std::int64_t user,
                                        filled<std::vector<session_row>> out) const {
  script_writer script{dialect_, false};
  const auto marked =
    std::string{session_select}
    + "where s.user_id = cast(@1 as int) and s.expires_us > cast(@2 as bigint) order by s.id desc";
  script.run(marked, {std::to_string(user), std::to_string(now_us_)})
    .take(all_into(std::move(out), session_in));
  return script.done();
}

sql_script identity_plan::find_user(const identity_key& key,
                                    const filled<std::optional<stored_login>>& out) const {
  script_writer script{dialect_, false};
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
                                   const filled<identity_outcome<user_row>>& out) const {
  if (const auto fault = fault_of(user); !fault.empty())
    return refuse(*out, identity_refusal::invalid, fault), nothing_to_do();
  if (!password.empty() && !is_password_hash(password))
    return refuse(*out, identity_refusal::invalid, "the password must be a hash"), nothing_to_do();
  const auto name = to_text(user.key);
  script_writer script{dialect_, true};
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
                                      const filled<identity_outcome<user_row>>& out) const {
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
  script_writer script{dialect_, true};
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
      const auto fault = fault_of(after);
      return fault.empty() || refuse(*out, identity_refusal::invalid, fault);
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
  script.run(count_admins).take(keeps_an_admin([held] { return held->before; }, out));
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
                                      const filled<identity_outcome<user_row>>& out) const {
  const auto name = to_text(key);
  script_writer script{dialect_, true};
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
  script.run(count_admins).take(keeps_an_admin([out] { return out->row; }, out));
  script.then([this_dialect = dialect_, out, by, name] {
    audit_row note{0, by.who, "user remove", name, {}, out->row.key.farm, by.origin};
    note.before = audit_json(out->row, false);
    return std::optional{audit_statement(this_dialect, note)};
  });
  return script.done();
}

} // namespace furrow::storage
