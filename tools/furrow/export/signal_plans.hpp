/// The definitions that decode a machine's frames for an export, and which of their signals are wanted.
///
/// Shape: people's own DBC files in the database that apply to the machine come before Furrow's catalogue. As in the
///   rollups of a node, a signal of their files replaces the signal of the catalogue with the same name. Every wanted
///   signal has a slot. Process data has a slot for each element and DDI, once the first value comes.
/// Errors: not_found names a wanted signal that no definition has. A DBC file that cannot be read is left out, with a
///   line on standard error, as at a node.
/// Threads: one.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/isobus/process_data.hpp"
#include "tools/furrow/export/row_reader.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace furrow::cli {

struct signal_slot {
  std::string name;                  // Message.Signal
  std::string unit;                  // may be empty
  std::optional<std::size_t> column; // of the wide form
};

class signal_plans {
public:
  static constexpr std::uint32_t unwanted = UINT32_MAX;

  struct part {
    can::decode_plan plan;
    std::vector<std::uint32_t> slots; // by number of the signal
    std::vector<bool> messages;       // whether a signal of the message is wanted
  };

  [[nodiscard]] static result<signal_plans> load(const export_source& source,
                                                 const signal_wish& wish);

  /// People's own files, then the catalogue.
  [[nodiscard]] const std::vector<part>& parts() const { return parts_; }
  [[nodiscard]] const signal_slot& slot(std::uint32_t number) const { return slots_[number]; }
  /// Of process data; `unwanted` if nobody asked for it.
  [[nodiscard]] std::uint32_t slot_of(can::process_key key);

  /// Gives a column to each wanted signal that the machine has sent or that was named in full; returns their slots.
  [[nodiscard]] result<std::vector<std::uint32_t>> make_columns(const export_source& source);

private:
  [[nodiscard]] bool wants(const std::string& name) const;
  [[nodiscard]] result<done> check_names() const;
  void add(can::decode_plan plan);

  std::vector<std::string> patterns_;
  std::vector<part> parts_;
  std::vector<signal_slot> slots_;
  std::unordered_map<std::string, std::uint32_t> by_name_;
  std::unordered_map<std::uint32_t, std::uint32_t> process_; // slots by element and DDI
};

} // namespace furrow::cli
