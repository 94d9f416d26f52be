/// Names of what is on the bus of a machine: the message of a frame, the signal of a trouble code.
///
/// Shape: people's own DBC files for the machine first, then the catalogue.
/// Errors: empty where no definition knows it.
/// Threads: safe from any; a value that keeps its definitions alive.
#pragma once

#include "actors/live/dbc_board.hpp"
#include "tools/json/rows_json.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace furrow::http {

class bus_names {
public:
  bus_names() = default; // the catalogue alone
  /// `board`: may be nullptr.
  bus_names(const actors::dbc_board* board, const std::string& farm, const std::string& equipment);

  [[nodiscard]] bool has_own() const { return own_ != nullptr; }
  [[nodiscard]] std::string_view message(can::frame_header header) const;
  /// Message.Signal, as /signals names it.
  [[nodiscard]] std::string signal(std::uint32_t spn) const;

private:
  std::shared_ptr<const actors::own_definitions> own_;
};

/// null where no definition knows the SPN.
[[nodiscard]] json_rows::json spn_name(const bus_names& names, std::uint32_t spn);
/// Gives the faults of a list, which have the names of the catalogue, those of a machine's own files.
void name_faults(json_rows::json& faults, const bus_names& names);

} // namespace furrow::http
