/// Rows of one kind of one machine, read from a database page by page, for an export.
///
/// Shape: `read` adds rows until there is no room or nothing is left. `position` says where the next `read` begins, so
///   that another reader with the same selection goes on there.
/// Errors: as in exit_code.hpp.
/// Threads: one; blocks until the database answers.
/// Limits: one page of the store, and what the caller's `rows` has room for.
#pragma once

#include "storage/store.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/exit_code.hpp"
#include "tools/parquet/rows.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

/// The database of an export, and what is read from it.
struct export_source {
  storage::store& store;
  std::string url;
  std::chrono::milliseconds timeout{};
  std::string farm;
  std::string equipment;
  std::optional<std::int64_t> from_us; // both ends included
  std::optional<std::int64_t> to_us;
};

class row_reader {
public:
  row_reader() = default;
  row_reader(const row_reader&) = delete;
  row_reader& operator=(const row_reader&) = delete;
  virtual ~row_reader() = default;

  [[nodiscard]] const std::vector<parquet::column_name>& columns() const { return columns_; }
  /// False: nothing is left.
  [[nodiscard]] virtual result<bool> read(parquet::rows& out) = 0;
  /// Null: a reader of this kind begins at the start.
  [[nodiscard]] virtual json position() const { return nullptr; }
  /// False: the position is not understood.
  [[nodiscard]] virtual bool go_on(const json& position) { return position.is_null(); }
  /// What a person should know of the rows; empty: nothing.
  [[nodiscard]] virtual std::string remark() const { return {}; }

protected:
  std::vector<parquet::column_name> columns_;
};

struct signal_wish {
  std::vector<std::string> names; // Message.Signal with * and ?; none: all
  bool wide = false;              // one column a signal
};

[[nodiscard]] std::unique_ptr<row_reader> telemetry_reader(const export_source& source);
[[nodiscard]] result<std::unique_ptr<row_reader>> bus_fault_reader(const export_source& source);
/// `kind`: of can/records/kind.hpp.
[[nodiscard]] std::unique_ptr<row_reader> record_reader(const export_source& source,
                                                        std::uint16_t kind);
[[nodiscard]] std::unique_ptr<row_reader> frame_reader(const export_source& source);
[[nodiscard]] result<std::unique_ptr<row_reader>> signal_reader(const export_source& source,
                                                                const signal_wish& wish);

} // namespace furrow::cli
