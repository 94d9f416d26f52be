/// Puts the scripts of identity_plan together; for its sources only.
///
/// Threads: a writer belongs to its caller.
#pragma once

#include "storage/identity/identity_plan.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::storage {

/// The row of a farm that has none yet; an empty name is the node.
inline constexpr const char* make_farm =
  "insert into furrow.farm (name) select @1 where @1 <> '' and not "
  "exists (select 1 from furrow.farm f where f.name = "
  "@1) on conflict do nothing";
/// The first statement of every change.
inline constexpr const char* one_by_one =
  "update furrow.identity_state set version = version where id = 1";

/// Puts a script together.
class script_writer {
public:
  script_writer(sql_dialect dialect, bool changes) : dialect_{dialect} {
    script_.changes = changes;
  }

  /// A statement that is known from the beginning.
  script_writer& run(std::string_view marked, std::vector<std::string> given = {}) {
    return then([statement = sql_statement{&sql_text(dialect_, marked), std::move(given)}] {
      return statement;
    });
  }
  script_writer& take(std::function<bool(const sql_answer&)> read) {
    script_.steps.back().take = std::move(read);
    return *this;
  }
  /// A statement that depends on the answers before; nothing leaves it out.
  script_writer& then(std::function<std::optional<sql_statement>()> ask) {
    script_.steps.push_back({std::move(ask), [](const sql_answer&) { return true; }});
    return *this;
  }
  sql_script done() { return std::move(script_); }

private:
  sql_dialect dialect_;
  sql_script script_;
};

template <class Row>
bool refuse(identity_outcome<Row>& out, identity_refusal why, const std::string& detail) {
  out.refused = why;
  out.detail = detail;
  return false;
}

/// Of a script that ends at once.
inline sql_script nothing_to_do() {
  return {};
}

/// Reads every row into a list.
template <class Row>
auto all_into(filled<std::vector<Row>> out, Row (*read)(const sql_cells&)) {
  return [out, read](const sql_answer& rows) {
    for (const auto& row : rows)
      out->push_back(read(row));
    return true;
  };
}

} // namespace furrow::storage
