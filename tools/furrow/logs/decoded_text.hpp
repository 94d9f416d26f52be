/// Parts of a row of `furrow decode`: the value of a signal, and the faults of a fault message.
///
/// Shape: appended to a text, as JSON or for a person.
/// Units: those of the signal.
/// Errors: a value that is not a number is null in JSON.
#pragma once

#include "can/dbc/decode.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace furrow::cli {

/// A JSON number with all digits of a whole number, else the shortest text that reads back as the same double.
void append_json_value(std::string& out,
                       const can::plan_signal& signal,
                       const can::decoded_signal& value);
/// All digits of a whole number, else twelve: further digits come from binary fractions.
void append_value_text(std::string& out,
                       const can::plan_signal& signal,
                       const can::decoded_signal& value);

/// `,"faults":[{"spn":102,"fmi":4,"text":"voltage too low","occurrences":1,"conversion_method":false}]`, all faults of a
/// DM1 or DM2; nothing for another message. `occurrences` is null when the ECU does not count.
void append_json_faults(std::string& out,
                        const can::plan_message& of,
                        std::span<const std::uint8_t> data);
/// A line for each fault: `,\n    fault 1: SPN 102 FMI 4 voltage too low, 1 time`.
void append_fault_lines(std::string& out,
                        const can::plan_message& of,
                        std::span<const std::uint8_t> data);

} // namespace furrow::cli
