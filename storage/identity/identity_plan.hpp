/// What each call of identity_store does, as a script that both databases run.
///
/// Shape: a function makes the script, and fills `out` while the script runs. A refusal ends the script, and nothing is
///   changed. Changes begin with the row of identity_state, so that they run one after the other.
/// Units: microseconds since 1970; `now_us` is the caller's clock.
/// Threads: pure functions; `out` belongs to the run.
#pragma once

#include "storage/identity/identities.hpp"
#include "storage/identity/sql_script.hpp"

#include <memory>

namespace furrow::storage {

template <class T>
using filled = std::shared_ptr<T>;

class identity_plan {
public:
  explicit identity_plan(sql_dialect dialect, std::int64_t now_us)
    : dialect_{dialect}, now_us_{now_us} {}

  [[nodiscard]] sql_script read(std::int64_t known,
                                const filled<std::optional<identity_list>>& out) const;
  [[nodiscard]] sql_script list_users(const identity_query& query,
                                      filled<std::vector<user_row>> out) const;
  [[nodiscard]] sql_script list_tokens(const identity_query& query,
                                       filled<std::vector<token_row>> out) const;
  [[nodiscard]] sql_script list_sessions(std::int64_t user,
                                         filled<std::vector<session_row>> out) const;
  /// `out` stays empty when there is none.
  [[nodiscard]] sql_script find_user(const identity_key& key,
                                     const filled<std::optional<stored_login>>& out) const;

  [[nodiscard]] sql_script add_user(const user_row& user,
                                    const std::string& password,
                                    bool first,
                                    const author& by,
                                    const filled<identity_outcome<user_row>>& out) const;
  [[nodiscard]] sql_script change_user(const identity_key& key,
                                       const user_change& change,
                                       const author& by,
                                       const filled<identity_outcome<user_row>>& out) const;
  [[nodiscard]] sql_script remove_user(const identity_key& key,
                                       const author& by,
                                       const filled<identity_outcome<user_row>>& out) const;
  [[nodiscard]] sql_script add_token(const token_row& token,
                                     const author& by,
                                     const filled<identity_outcome<token_row>>& out) const;
  [[nodiscard]] sql_script remove_token(const identity_key& key,
                                        const author& by,
                                        const filled<identity_outcome<token_row>>& out) const;
  [[nodiscard]] sql_script open_session(const session_row& session,
                                        const author& by,
                                        const filled<identity_outcome<session_row>>& out) const;
  [[nodiscard]] sql_script close_sessions(const session_selection& which,
                                          const author& by,
                                          const filled<std::uint64_t>& out) const;
  [[nodiscard]] sql_script note_use(const std::vector<identity_use>& uses) const;

  [[nodiscard]] sql_script note_audit(const audit_row& row) const;
  [[nodiscard]] sql_script list_audit(const audit_query& query,
                                      filled<std::vector<audit_row>> out) const;
  [[nodiscard]] sql_script prune_audit(std::int64_t older_than_us,
                                       const filled<std::uint64_t>& out) const;

private:
  [[nodiscard]] const std::string& text(std::string_view marked) const {
    return sql_text(dialect_, marked);
  }

  sql_dialect dialect_;
  std::int64_t now_us_;
};

/// The statement that notes a change, for scripts and transactions of other areas.
[[nodiscard]] sql_statement audit_statement(sql_dialect dialect, const audit_row& row);

} // namespace furrow::storage
