#include "storage/row_source.hpp"
#include "storage/sqlite/db.hpp"

#include <array>
#include <filesystem>

namespace furrow::storage {

namespace {

std::string name_of(const std::string& column) {
  return column.empty() ? "''" : "coalesce(cast(" + quoted_name(column) + " as text), '')";
}

std::string optional_column(const std::string& column) {
  return column.empty() ? "null" : quoted_name(column);
}

class sqlite_rows final : public row_source {
public:
  sqlite_rows(std::unique_ptr<sqlite_db> db, const std::string& path, const row_query& query)
    : db_{std::move(db)}, identity_{std::filesystem::path{path}.filename().string() + " "
                                    + query.table} {
    const auto table = quoted_name(query.table, true);
    const auto id = quoted_name(query.can_id);
    const auto data = quoted_name(query.data);
    groups_sql_ = "select " + name_of(query.farm) + ", " + name_of(query.equipment)
                  + ", count(*) from " + table + " group by 1, 2 order by 1, 2";
    rows_sql_ = "select " + name_of(query.farm) + ", " + name_of(query.equipment) + ", "
                + quoted_name(query.time) + ", case typeof(" + id + ") when 'text' then 'x' || "
                + id + " else " + id + " end, case typeof(" + data + ") when 'blob' then hex("
                + data + ") else " + data + " end, " + optional_column(query.bus) + ", "
                + optional_column(query.extended) + " from " + table + " order by 1, 2, 3, "
                + (query.order.empty() ? "" : quoted_name(query.order) + ", ") + "4, 5, 6, 7";
    unit_ = query.unit == time_unit::unsaid || query.unit == time_unit::utc ? time_unit::text
                                                                            : query.unit;
    db_->run("begin"); // one snapshot for all reads
  }

  /// Why its times cannot be read.
  std::optional<std::string> time_trouble(const row_query& query) {
    const auto sql = "select typeof(" + quoted_name(query.time) + ") from "
                     + quoted_name(query.table, true) + " where " + quoted_name(query.time)
                     + " is not null limit 1";
    auto rows = db_->statement((probe_sql_ = sql).c_str());
    if (rows.step() && rows.text(0) != "text" && unit_ == time_unit::text)
      return query.time + " is a number: set --time-unit s, ms or us (since 1970)";
    return std::nullopt;
  }

  std::string identity() const override { return identity_; }

  result<std::vector<source_group>> groups() override {
    try {
      auto rows = db_->statement(groups_sql_.c_str());
      std::vector<source_group> out;
      while (rows.step())
        out.push_back({rows.text(0), rows.text(1), rows.natural(2)});
      return out;
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }

  result<bool> next(source_row& out) override {
    try {
      if (!rows_)
        rows_.reset(new sqlite_statement(db_->statement(rows_sql_.c_str())));
      if (!rows_->step())
        return false;
      for (std::size_t i = 0; i < texts_.size(); ++i)
        if (!rows_->null(static_cast<int>(i)))
          texts_[i] = rows_->text(static_cast<int>(i));
      out = {text(0), text(1), text(2), text(3), text(4), text(5), text(6)};
      return true;
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }

private:
  cell_text text(std::size_t column) const {
    if (rows_->null(static_cast<int>(column)))
      return std::nullopt;
    return texts_[column];
  }

  std::unique_ptr<sqlite_db> db_;
  std::string identity_;
  std::string groups_sql_;
  std::string rows_sql_;
  std::string probe_sql_;
  std::array<std::string, 7> texts_;
  std::unique_ptr<sqlite_statement> rows_;
};

} // namespace

result<std::unique_ptr<row_source>> open_sqlite_rows(const store_options& options,
                                                     const row_query& query) {
  const auto path = options.url.substr(std::string_view{"sqlite:"}.size());
  const auto there = check_sqlite_file(path);
  if (!there)
    return there.error();
  auto db = sqlite_db::open_foreign(path, options.lock_timeout);
  if (!db)
    return db.error();
  try {
    auto source = std::make_unique<sqlite_rows>(std::move(*db), path, query);
    if (const auto why = source->time_trouble(query))
      return failure{errc::misconfigured, *why};
    return std::unique_ptr<row_source>{std::move(source)};
  } catch (const sqlite_error& error) {
    return error.as_failure();
  }
}

} // namespace furrow::storage
