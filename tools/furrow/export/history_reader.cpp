// Rows of an export that a node has made or taken already: telemetry, faults of the bus, records.
#include "can/dbc/spn_index.hpp"
#include "can/frame/name.hpp"
#include "can/isobus/diagnostics.hpp"
#include "can/live/telemetry.hpp"
#include "can/records/kind.hpp"
#include "storage/history.hpp"
#include "storage/records.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/export/row_reader.hpp"
#include "tools/furrow/export/signal_plans.hpp"

#include <unordered_map>
#include <variant>

namespace furrow::cli {

namespace {

using parquet::value_type;

constexpr std::size_t history_page_rows = 2'000;
constexpr std::size_t record_page_rows = 4'000;

class telemetry_rows : public row_reader {
public:
  explicit telemetry_rows(const export_source& source) : source_{source} {
    query_ = {source.farm, source.equipment, source.from_us, source.to_us, {}};
    columns_ = {{"time", value_type::time, true}, {"mode", value_type::text}};
    for (const auto& one : can::telemetry_columns)
      columns_.push_back({std::string{one.key}, value_type::real});
  }

  result<bool> read(parquet::rows& out) override {
    while (more_ && !out.full(history_page_rows)) {
      const auto page = wait_for<storage::telemetry_page>(
        [&](auto done) { source_.store.history()->read_telemetry(query_, std::move(done)); },
        source_.url, source_.timeout);
      if (!page)
        return page.error();
      for (const auto& row : page->rows)
        add(out, row);
      more_ = page->next_us.has_value();
      query_.after_us = page->next_us;
    }
    return more_;
  }
  [[nodiscard]] json position() const override {
    return query_.after_us ? json{{"after_us", *query_.after_us}} : json::object();
  }
  bool go_on(const json& position) override {
    if (position.contains("after_us"))
      query_.after_us = position.at("after_us").get<std::int64_t>();
    return true;
  }

private:
  static void add(parquet::rows& out, const storage::telemetry_point& row) {
    out[0].put_integer(row.time_us);
    out[1].put_text_or_absent(row.mode);
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const auto& value = row.values.at(i);
      value ? out[i + 2].put_real(*value) : out[i + 2].put_absent();
    }
  }

  export_source source_;
  storage::history_query query_;
  bool more_ = true;
};

/// The names of trouble codes, Message.Signal: of people's own DBC files first, then of the catalogue.
std::unordered_map<std::uint32_t, std::string> names_by_spn(const signal_plans& plans) {
  std::unordered_map<std::uint32_t, std::string> out;
  for (const auto& part : plans.parts())
    for (const auto& [spn, number] : can::signals_by_spn(part.plan)) {
      const auto& signal = part.plan.signals()[number];
      out.emplace(spn, part.plan.messages()[signal.message].name + '.' + signal.name);
    }
  return out;
}

/// Few and changing: an export of them begins at the start.
class bus_fault_rows : public row_reader {
public:
  bus_fault_rows(const export_source& source, const signal_plans& plans)
    : source_{source}, names_{names_by_spn(plans)} {
    query_.farm = source.farm;
    query_.equipment = source.equipment;
    query_.from_us = source.from_us;
    query_.to_us = source.to_us;
    columns_ = {{"first_seen", value_type::time, true},
                {"last_seen", value_type::time, true},
                {"cleared", value_type::time},
                {"bus", value_type::text},
                {"source", value_type::integer, true},
                {"iso_name", value_type::text},
                {"spn", value_type::integer, true},
                {"name", value_type::text},
                {"fmi", value_type::integer, true},
                {"meaning", value_type::text},
                {"appearances", value_type::integer, true},
                {"occurrences", value_type::integer},
                {"lamp", value_type::text}};
  }

  result<bool> read(parquet::rows& out) override {
    while (more_ && !out.full(history_page_rows)) {
      const auto page = wait_for<storage::faults_page>(
        [&](auto done) { source_.store.history()->read_faults(query_, std::move(done)); },
        source_.url, source_.timeout);
      if (!page)
        return page.error();
      for (const auto& row : page->rows)
        add(out, row);
      more_ = page->next.has_value();
      query_.skip = page->next.value_or(0);
    }
    return more_;
  }

private:
  void add(parquet::rows& out, const storage::bus_fault& row) const {
    std::size_t at = 0;
    out[at++].put_integer(row.first_us);
    out[at++].put_integer(row.last_us);
    row.cleared_us ? out[at].put_integer(*row.cleared_us) : out[at].put_absent();
    out[++at].put_text_or_absent(row.bus);
    out[++at].put_integer(row.source);
    ++at;
    row.iso_name ? out[at].put_text(can::to_string(can::iso_name{*row.iso_name}))
                 : out[at].put_absent();
    out[++at].put_integer(row.spn);
    const auto name = names_.find(static_cast<std::uint32_t>(row.spn));
    ++at;
    name == names_.end() ? out[at].put_absent() : out[at].put_text(name->second);
    out[++at].put_integer(row.fmi);
    out[++at].put_text_or_absent(can::fmi_word(static_cast<std::uint8_t>(row.fmi)));
    out[++at].put_integer(row.appearances);
    ++at;
    row.occurrences ? out[at].put_integer(*row.occurrences) : out[at].put_absent();
    out[++at].put_text_or_absent(row.lamp);
  }

  export_source source_;
  std::unordered_map<std::uint32_t, std::string> names_;
  storage::faults_query query_;
  bool more_ = true;
};

value_type column_type_of(can::field_type type) {
  switch (type) {
  case can::field_type::real:
  case can::field_type::amount:
    return value_type::real;
  case can::field_type::integer:
    return value_type::integer;
  case can::field_type::boolean:
    return value_type::boolean;
  case can::field_type::text:
  case can::field_type::word:
    break;
  }
  return value_type::text;
}

/// A value of a record as its column has it.
struct record_cell {
  parquet::column& to;

  void operator()(std::monostate) const { to.put_absent(); }
  void operator()(bool value) const { to.put_flag(value); }
  void operator()(std::int64_t value) const {
    to.type() == value_type::real ? to.put_real(static_cast<double>(value)) : to.put_integer(value);
  }
  void operator()(double value) const { to.put_real(value); }
  void operator()(const std::string& value) const { to.put_text(value); }
};

class record_rows : public row_reader {
public:
  record_rows(const export_source& source, std::uint16_t kind) : source_{source} {
    query_ = {source.farm, source.equipment, kind, source.from_us, source.to_us, record_page_rows};
    columns_ = {{"time", value_type::time, true}};
    for (const auto& field : can::find_record_kind(kind)->fields)
      columns_.push_back({std::string{field.name}, column_type_of(field.type)});
  }

  result<bool> read(parquet::rows& out) override {
    while (more_ && !out.full(record_page_rows)) {
      const auto page = wait_for<storage::records_page>(
        [&](auto done) { source_.store.records()->read_records(query_, after_, std::move(done)); },
        source_.url, source_.timeout);
      if (!page)
        return page.error();
      for (const auto& row : page->rows) {
        out[0].put_integer(row.time_us);
        for (std::size_t i = 0; i + 1 < columns_.size(); ++i)
          std::visit(record_cell{out[i + 1]}, row.values.at(i));
      }
      more_ = page->next.has_value();
      after_ = page->next;
    }
    return more_;
  }
  [[nodiscard]] json position() const override {
    if (!after_)
      return json::object();
    return {{"time_us", after_->time_us}, {"stream", after_->stream}, {"seq", after_->seq}};
  }
  bool go_on(const json& position) override {
    if (position.contains("time_us"))
      after_ = {position.at("time_us").get<std::int64_t>(),
                position.at("stream").get<std::int32_t>(), position.at("seq").get<std::uint64_t>()};
    return true;
  }

private:
  export_source source_;
  storage::records_query query_;
  std::optional<storage::records_cursor> after_;
  bool more_ = true;
};

} // namespace

std::unique_ptr<row_reader> telemetry_reader(const export_source& source) {
  return std::make_unique<telemetry_rows>(source);
}

result<std::unique_ptr<row_reader>> bus_fault_reader(const export_source& source) {
  const auto plans = signal_plans::load(source, {});
  if (!plans)
    return plans.error();
  return std::unique_ptr<row_reader>{std::make_unique<bus_fault_rows>(source, *plans)};
}

std::unique_ptr<row_reader> record_reader(const export_source& source, std::uint16_t kind) {
  return std::make_unique<record_rows>(source, kind);
}

} // namespace furrow::cli
