#include "storage/postgres/connection/session.hpp"
#include "storage/row_source.hpp"

namespace furrow::storage {

namespace {

namespace type { // type numbers of pg_type
constexpr Oid bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25, float4 = 700, float8 = 701,
              bpchar = 1042, varchar = 1043, timestamp = 1114, timestamptz = 1184, numeric = 1700;
} // namespace type

bool is_text(Oid type) {
  return type == type::text || type == type::bpchar || type == type::varchar;
}
bool is_number(Oid type) {
  return type == type::int2 || type == type::int4 || type == type::int8 || type == type::float4
         || type == type::float8 || type == type::numeric;
}

struct expressions {
  std::string select;
  std::string order;
};

class postgres_rows final : public row_source {
public:
  postgres_rows(pq_session db, std::string identity, time_unit unit, const row_query& query)
    : db_{std::move(db)}, identity_{std::move(identity)}, query_{query} {
    unit_ = unit;
  }

  std::string identity() const override { return identity_; }

  result<std::vector<source_group>> groups() override {
    const auto rows = db_.ask("select " + name_of(query_.farm) + ", " + name_of(query_.equipment)
                              + ", count(*) from " + quoted_name(query_.table, true)
                              + " group by 1, 2 order by 1, 2");
    if (!rows)
      return rows.error();
    std::vector<source_group> out;
    out.reserve(static_cast<std::size_t>(PQntuples(rows->get())));
    for (int row = 0; row < PQntuples(rows->get()); ++row)
      out.push_back({cell(*rows, row, 0), cell(*rows, row, 1), std::stoull(cell(*rows, row, 2))});
    return out;
  }

  result<bool> next(source_row& out) override {
    if (!rows_ || at_ == PQntuples(rows_.get())) {
      auto more = db_.ask("fetch " + std::to_string(rows_a_fetch) + " from source_rows");
      if (!more)
        return more.error();
      rows_ = std::move(*more);
      at_ = 0;
      if (PQntuples(rows_.get()) == 0)
        return false;
    }
    out = {text(0), text(1), text(2), text(3), text(4), text(5), text(6)};
    ++at_;
    return true;
  }

  /// "C": the same order on every server.
  static std::string name_of(const std::string& column) {
    return (column.empty() ? std::string{"''"} : "coalesce(" + quoted_name(column) + "::text, '')")
           + " collate \"C\"";
  }

private:
  cell_text text(int column) const {
    if (PQgetisnull(rows_.get(), at_, column) != 0)
      return std::nullopt;
    return std::string_view{PQgetvalue(rows_.get(), at_, column),
                            static_cast<std::size_t>(PQgetlength(rows_.get(), at_, column))};
  }

  pq_session db_;
  std::string identity_;
  row_query query_;
  pq::answer rows_;
  int at_ = 0;
};

failure say_unit(const std::string& column, const char* what) {
  return {errc::misconfigured, column + " " + what};
}

/// The SQL that gives the time as text, and its unit; NULL for an infinite time.
result<std::pair<std::string, time_unit>> time_of(const row_query& query, Oid type) {
  const auto column = quoted_name(query.time);
  const auto epoch = "case when isfinite(" + column + ") then (extract(epoch from " + column
                     + ") * 1000000)::bigint end::text";
  if (type == type::timestamptz)
    return std::pair{epoch, time_unit::microseconds};
  if (type == type::timestamp) {
    if (query.unit != time_unit::utc)
      return say_unit(query.time, "has no time zone: set --time-unit utc if it is UTC");
    return std::pair{epoch, time_unit::microseconds};
  }
  if (is_number(type)) {
    if (query.unit == time_unit::unsaid || query.unit == time_unit::utc)
      return say_unit(query.time, "is a number: set --time-unit s, ms or us (since 1970)");
    return std::pair{column + "::text", query.unit};
  }
  if (is_text(type))
    return std::pair{column + "::text",
                     query.unit == time_unit::unsaid ? time_unit::text : query.unit};
  return say_unit(query.time, "is neither a time nor a number");
}

std::string optional_column(const std::string& column) {
  return column.empty() ? "null::text" : quoted_name(column) + "::text";
}

expressions expressions_of(const row_query& query, const std::string& time, Oid id, Oid data) {
  const auto number = quoted_name(query.can_id) + "::text";
  const auto bytes = quoted_name(query.data);
  expressions out;
  out.select = postgres_rows::name_of(query.farm) + ", " + postgres_rows::name_of(query.equipment)
               + ", " + time + ", " + (is_text(id) ? "'x' || " + number : number) + ", "
               + (data == type::bytea ? "encode(" + bytes + ", 'hex')" : bytes + "::text") + ", "
               + optional_column(query.bus) + ", " + optional_column(query.extended);
  out.order = "1, 2, " + quoted_name(query.time);
  if (!query.order.empty())
    out.order += ", " + quoted_name(query.order);
  out.order += ", 4, 5, 6, 7"; // rows that are equal in these columns are interchangeable
  return out;
}

} // namespace

result<std::unique_ptr<row_source>> open_postgres_rows(const store_options& options,
                                                       const row_query& query) {
  auto db = pq_session::open(options, "import");
  if (!db)
    return db.error();
  const auto table = quoted_name(query.table, true);
  const auto begun = db->ask("reset search_path; begin isolation level repeatable read read only");
  if (!begun)
    return begun.error();
  const auto types = db->ask("select " + quoted_name(query.time) + ", " + quoted_name(query.can_id)
                             + ", " + quoted_name(query.data) + " from " + table + " limit 0");
  if (!types)
    return types.error();
  const auto time = time_of(query, PQftype(types->get(), 0));
  if (!time)
    return time.error();
  const auto name = db->value(
    "select current_database() || ' ' || n.nspname || '.' || c.relname from pg_class c join "
    "pg_namespace n on n.oid = c.relnamespace where c.oid = $1::regclass",
    {table});
  if (!name)
    return name.error();
  const auto parts =
    expressions_of(query, time->first, PQftype(types->get(), 1), PQftype(types->get(), 2));
  const auto declared = db->ask("declare source_rows no scroll cursor for select " + parts.select
                                + " from " + table + " order by " + parts.order);
  if (!declared)
    return declared.error();
  return std::unique_ptr<row_source>{
    std::make_unique<postgres_rows>(std::move(*db), *name, time->second, query)};
}

} // namespace furrow::storage
