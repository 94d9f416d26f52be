/// The contents of a DBC file as rows of furrow.definition_message and furrow.definition_signal.
///
/// Shape: the messages that a decode_plan of this file keeps, in its order; signals that are not
///   numbers are left out, with the signals that they select.
/// Threads: a plain function.
/// Source: can/dbc/decode.hpp (which message a frame has, which raw values are indicators).
#pragma once

#include "can/dbc/decode.hpp"
#include "can/dbc/file.hpp"
#include "storage/digest_store.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::storage {

struct signal_row {
  std::int32_t message = 0;
  std::int32_t signal = 0;
  std::string name;
  std::string unit;
  std::int32_t lsb_byte = 0;
  std::int32_t byte_step = 1;
  std::int32_t bytes = 1;
  std::int32_t shift = 0;
  std::int32_t length = 1;
  bool is_signed = false;
  bool is_float = false;
  double scale = 1;
  double offset = 0;
  std::optional<std::int64_t> valid_max; // the largest number; 64-bit unsigned ones keep their bits
  std::optional<std::int32_t> parent;
  std::vector<std::int64_t> parent_low;
  std::vector<std::int64_t> parent_high;
};

struct message_row {
  std::int32_t message = 0;
  std::string name;
  std::int64_t id = 0;
  bool extended = false;
  std::optional<std::int32_t> pgn;
  std::int32_t length = 0;
  bool fallback = false; // also for sources without a message of their own in the group
  std::vector<std::int32_t> other_sources;
  std::vector<std::int64_t> other_ids;
};

struct definition_rows {
  std::vector<message_row> messages;
  std::vector<signal_row> signals;
};

[[nodiscard]] definition_rows rows_of(const can::dbc_file& file);

/// A text for each signal of `rows`, in order. Two signals with the same text, in any files, decode the same frames to
/// the same values.
[[nodiscard]] std::vector<std::string> definitions_of(const definition_rows& rows);

/// The signals of a plan of these files, by their numbers in it. Of files with the same message the first counts.
[[nodiscard]] std::vector<digest_signal>
digest_signals_of(std::span<const can::dbc_file* const> files, const can::decode_plan& plan);

/// The signals of a plan of this one file, by their numbers in it.
[[nodiscard]] std::vector<digest_signal> digest_signals_of(const can::dbc_file& file,
                                                           const can::decode_plan& plan);

} // namespace furrow::storage
