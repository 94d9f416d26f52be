/// A database that the command line looks after: the same stories on PostgreSQL and on SQLite.
#pragma once

#include "tests/support/program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace furrow::tests {

/// Lines that say how far long work is: whether there are any is the machine's business.
inline std::string without_progress(const std::string& errors) {
  std::string out;
  for (std::size_t at = 0; at < errors.size();) {
    const auto end = std::min(errors.find('\n', at), errors.size() - 1) + 1;
    const auto line = errors.substr(at, end - at);
    if (line.find(" rows/s, ") == std::string::npos
        && line.find(" frames added, ") == std::string::npos)
      out += line;
    at = end;
  }
  return out;
}

inline program_result run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), FURROW_BIN_DIR "/furrow");
  auto ended = run_program(std::move(arguments));
  ended.errors = without_progress(ended.errors);
  return ended;
}

/// What it printed; it went well and complained of nothing.
inline std::string good(std::vector<std::string> arguments) {
  const auto ended = run(std::move(arguments));
  CHECK(ended.errors == "");
  CHECK(ended.exit_code == 0);
  return ended.out;
}

/// The one line that it complained in.
inline std::string bad(std::vector<std::string> arguments, int exit_code = 1) {
  const auto ended = run(std::move(arguments));
  CHECK(ended.exit_code == exit_code);
  CHECK(std::count(ended.errors.begin(), ended.errors.end(), '\n') == 1);
  return ended.errors;
}

inline bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found)
    MESSAGE("\"" << part << "\" is not in: " << text);
  return found;
}

/// Rows of a machine with two frames, as the programs write them; `schema` is "furrow." or empty.
inline std::string one_machine(const std::string& schema, bool postgres) {
  const std::string time = postgres ? "timestamptz '2026-05-01 06:30:00+00'" : "1777617000000000";
  const std::string id =
    postgres ? "'00000000-0000-0000-0000-000000000007'" : "x'00000000000000000000000000000007'";
  const std::string columns = postgres ? "'{576460752303423488}', '{0,0}', '{0,10}', '{1,2}'"
                                       : "x'0000000000000008', x'00000000', x'000000000a000000', "
                                         "x'01000000000000000200000000000000'";
  const auto into = "insert into " + schema;
  return into + "farm (name) values ('default'); " + into
         + "equipment (farm_id, name) values (1, 'T1'); " + into
         + "stream (equipment_id, stream_id) values (1, " + id + "); " + into
         + "stream_watermark (stream, epoch, seq, sent) values (1, 1, 2, 2); " + into
         + "can_block (stream, seq_first, equipment_id, frames, time_first, time_last, time_base, "
           "headers, header_index, time_offset, payload) values (1, 1, 1, 2, "
         + time + ", " + time + ", " + time + ", " + columns + ");";
}

} // namespace furrow::tests
