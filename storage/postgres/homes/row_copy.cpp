#include "storage/postgres/homes/row_copy.hpp"

#include <utility>

namespace furrow::storage {

namespace {

constexpr std::size_t head_bytes = 19;
constexpr std::size_t tail_bytes = 2;
constexpr std::string_view limit_exceeded = "53400"; // a setting, not a shortage

} // namespace

failure failed(const pq_session& db, const failure& why) {
  // Serialization, deadlock, lock or statement time-out, shut down, out of resources.
  for (const std::string_view state : {"40", "55P03", "57", "53"})
    if (db.state().starts_with(state) && db.state() != limit_exceeded)
      return {errc::retry_later, why.detail};
  return why;
}

std::string listed(const std::vector<std::string>& columns, std::string_view prefix) {
  std::string out;
  for (const auto& column : columns)
    out.append(out.empty() ? "" : ", ").append(prefix).append("\"").append(column).append("\"");
  return out;
}

result<std::vector<std::string>> row_copy::columns(const std::string& table) {
  if (const auto at = known_.find(table); at != known_.end())
    return at->second;
  const auto rows =
    source_.ask("select a.attname from pg_attribute a where a.attrelid = ('furrow.' || "
                "quote_ident($1))::regclass and a.attnum > 0 and not a.attisdropped order by "
                "a.attnum",
                {table});
  if (!rows)
    return failed(source_, rows.error());
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(PQntuples(rows->get())));
  for (int row = 0; row < PQntuples(rows->get()); ++row)
    out.push_back(cell(*rows, row, 0));
  known_[table] = out;
  return out;
}

result<std::uint64_t>
row_copy::rows(const std::string& query, const std::string& table, const std::string& columns) {
  auto begun = source_.begin_copy("copy (" + query + ") to stdout (format binary)");
  if (!begun)
    return failed(source_, begun.error());
  begun = target_.begin_copy("copy " + table + " (" + columns + ") from stdin (format binary)");
  if (!begun)
    return failed(target_, begun.error());
  std::uint64_t count = 0;
  std::string sent;
  bool head = true;
  for (;;) {
    const auto more = source_.next_copied(sent);
    if (!more)
      return more.error();
    if (!*more)
      break;
    const auto size = sent.size() - (std::exchange(head, false) ? head_bytes : 0);
    count += size > tail_bytes ? 1 : 0;
    const auto put = target_.put(sent);
    if (!put)
      return put.error();
  }
  const auto ended = target_.end_copy();
  if (!ended)
    return failure{ended.code(), table + ": " + ended.error().detail};
  return count;
}

result<std::uint64_t> row_copy::straight(const std::string& table, const std::string& condition) {
  const auto names = columns(table);
  if (!names)
    return names.error();
  return rows("select " + listed(*names, "t.") + " from furrow.\"" + table + "\" t where "
                + condition,
              "furrow.\"" + table + "\"", listed(*names));
}

result<std::uint64_t> row_copy::aside(const std::string& table, const std::string& condition) {
  const auto names = columns(table);
  if (!names)
    return names.error();
  const auto temporary = "pg_temp.\"moved_" + table + "\"";
  const auto made =
    target_.ask("drop table if exists " + temporary + "; create temp table \"moved_" + table
                + "\" on commit drop as select * from furrow.\"" + table + "\" with no data");
  if (!made)
    return failed(target_, made.error());
  return rows("select " + listed(*names, "t.") + " from furrow.\"" + table + "\" t where "
                + condition,
              temporary, listed(*names));
}

} // namespace furrow::storage
