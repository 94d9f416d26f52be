#include "storage/identity/identity_plan.hpp"
#include "storage/identity/identity_rows.hpp"
#include "storage/identity/script_writer.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage {

namespace {

constexpr const char* token_of_farm =
  "((@1 = '' and t.farm_id is null) or t.farm_id = (select h.id from furrow.farm h where h.name = "
  "@1)) and t.name = @2";

std::string cut(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

} // namespace

sql_script identity_plan::add_token(const token_row& token,
                                    const author& by,
                                    const filled<identity_outcome<token_row>>& out) const {
  if (const auto fault = fault_of(token); !fault.empty())
    return refuse(*out, identity_refusal::invalid, fault), nothing_to_do();
  if (token.expires_us && *token.expires_us <= now_us_)
    return refuse(*out, identity_refusal::invalid, "the token would have expired already"),
           nothing_to_do();
  const auto name = to_text(token.key);
  script_writer script{dialect_, true};
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
                                       const filled<identity_outcome<token_row>>& out) const {
  const auto name = to_text(key);
  script_writer script{dialect_, true};
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
                                       const filled<identity_outcome<session_row>>& out) const {
  const auto user = std::to_string(session.user);
  const auto held = std::make_shared<user_row>();
  script_writer script{dialect_, true};
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
                                         const filled<std::uint64_t>& out) const {
  const auto user = std::to_string(which.user);
  script_writer script{dialect_, true};
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
  script_writer script{dialect_, true};
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
  script_writer script{dialect_, false};
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
  script_writer script{dialect_, false};
  script
    .run(marked, {query.farm ? "one" : "every", query.farm.value_or(""),
                  std::to_string(query.older_than), query.who, query.action, std::to_string(page)})
    .take(all_into(std::move(out), audit_in));
  return script.done();
}

sql_script identity_plan::prune_audit(std::int64_t older_than_us,
                                      const filled<std::uint64_t>& out) const {
  script_writer script{dialect_, false};
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
