#include "tools/furrow/logs/decoded_text.hpp"

#include "can/isobus/diagnostics.hpp"
#include "can/text/put.hpp"
#include "tools/furrow/logs/json_text.hpp"

#include <charconv>

namespace furrow::cli {

namespace {

bool append_whole(std::string& out,
                  const can::plan_signal& signal,
                  const can::decoded_signal& value) {
  const auto whole = can::whole_value(signal, value);
  if (!whole)
    return false;
  can::text::append_whole(out, *whole);
  return true;
}

/// Calls `with` for each fault of a DM1 or DM2. False for another message, or a damaged one.
template <class Visit>
bool for_each_fault(const can::plan_message& of, std::span<const std::uint8_t> data, Visit with) {
  if (of.pgn != can::pgn_dm1 && of.pgn != can::pgn_dm2)
    return false;
  const auto view = can::dm_view::parse(data);
  if (!view)
    return false;
  for (std::size_t place = 0; place < view->places(); ++place)
    if (const auto code = (*view)[place])
      with(*code);
  return true;
}

} // namespace

void append_json_value(std::string& out,
                       const can::plan_signal& signal,
                       const can::decoded_signal& value) {
  if (!append_whole(out, signal, value))
    append_number(out, value.physical);
}

void append_value_text(std::string& out,
                       const can::plan_signal& signal,
                       const can::decoded_signal& value) {
  if (append_whole(out, signal, value))
    return;
  char number[40];
  const auto end =
    std::to_chars(number, number + sizeof number, value.physical, std::chars_format::general, 12)
      .ptr;
  out.append(number, end);
}

void append_json_faults(std::string& out,
                        const can::plan_message& of,
                        std::span<const std::uint8_t> data) {
  std::string faults;
  const bool read = for_each_fault(of, data, [&](const can::trouble_code& code) {
    faults += faults.empty() ? "{\"spn\":" : ",{\"spn\":";
    append_number(faults, code.spn);
    faults += ",\"fmi\":";
    append_number(faults, unsigned{code.fmi});
    faults += ",\"text\":";
    append_text_or_null(faults, can::fmi_word(code.fmi));
    faults += ",\"occurrences\":";
    faults += code.occurrences ? std::to_string(*code.occurrences) : "null";
    faults +=
      code.conversion_method ? ",\"conversion_method\":true}" : ",\"conversion_method\":false}";
  });
  if (read)
    out += ",\"faults\":[" + faults + ']';
}

void append_fault_lines(std::string& out,
                        const can::plan_message& of,
                        std::span<const std::uint8_t> data) {
  unsigned number = 0;
  for_each_fault(of, data, [&](const can::trouble_code& code) {
    out += ",\n    fault " + std::to_string(++number) + ": SPN " + std::to_string(code.spn)
           + " FMI " + std::to_string(code.fmi);
    if (const auto word = can::fmi_word(code.fmi); !word.empty())
      out.append(1, ' ').append(word);
    if (code.occurrences)
      out +=
        ", " + std::to_string(*code.occurrences) + (*code.occurrences == 1 ? " time" : " times");
  });
}

} // namespace furrow::cli
