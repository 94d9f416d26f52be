/// The DBC files of other projects, against what cantools and canmatrix read in them.
#include "can/dbc/file.hpp"
#include "tests/support/data.hpp"
#include "tests/support/dbc_data.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <map>

using namespace furrow::can;
using furrow::tests::data_file;
using furrow::tests::find_dbc;
using furrow::tests::for_each_json_line;
using furrow::tests::read_file;
using nlohmann::json;

namespace {

/// What lenient mode keeps of files that cantools rejects whole: messages, and warnings.
const std::map<std::string, std::pair<std::size_t, std::size_t>> rejected_by_cantools{
  {"issue_199.dbc", {11, 11}}, // identifiers of more than 11 bits without the mark for extended
  {"gm_global_a_lowspeed.dbc", {13, 14}}, // the same
  {"issue_199_extended.dbc", {10, 12}},   // and one of more than 29 bits
  {"mazda_2017.dbc", {102, 12}},          // names that begin with a digit, missing semicolons
};

json as_expected(const dbc_message& message, const dbc_signal& signal) {
  json ids;
  for (const auto& range : signal.mux.when)
    for (auto id = range.low; id <= range.high; ++id)
      ids.push_back(id);
  json labels;
  for (const auto& choice : signal.choices)
    labels[std::to_string(choice.value)] = choice.label;
  const auto number = [](std::optional<double> value) {
    if (value && std::isinf(*value))
      return json(*value < 0 ? "-inf" : "inf");
    return value ? json(*value) : json();
  };
  return {
    {"name", signal.name},
    {"start", signal.start},
    {"length", signal.length},
    {"order", signal.order == byte_order::intel ? "intel" : "motorola"},
    {"signed", signal.is_signed},
    {"float", signal.is_float},
    {"scale", signal.scale},
    {"offset", signal.offset},
    {"min", number(signal.min)},
    {"max", number(signal.max)},
    {"unit", signal.unit.empty() ? json() : json(signal.unit)},
    {"is_mux", signal.mux.selector},
    {"mux_ids", ids},
    {"mux_signal", signal.mux.parent < 0
                     ? json()
                     : json(message.signals[static_cast<std::size_t>(signal.mux.parent)].name)},
    {"spn", signal.spn ? json(*signal.spn) : json()},
    {"choices", labels},
  };
}

/// Signals in an order that does not hang on the file's.
std::multimap<std::string, json> by_place(const std::vector<json>& signals) {
  std::multimap<std::string, json> out;
  for (const auto& signal : signals)
    out.emplace(signal["name"].get<std::string>() + ' ' + signal["start"].dump() + ' '
                  + signal["mux_ids"].dump(),
                signal);
  return out;
}

} // namespace

TEST_CASE("dbc corpus: every message and signal of 108 files is read as cantools reads it") {
  const auto expected = data_file("dbc/expected.dbc_expected.jsonl.gz");
  if (!expected)
    return;
  dbc_file file;
  std::size_t files = 0;
  std::size_t messages = 0;
  std::size_t signals = 0;
  std::map<std::pair<std::uint32_t, bool>, const dbc_message*> index;
  for_each_json_line(*expected, [&](const json& row) {
    const auto name = row["file"].get<std::string>();
    CAPTURE(name);
    if (row.contains("status")) {
      ++files;
      const auto status = row["status"].get<std::string>();
      const auto path = find_dbc(name);
      REQUIRE(path);
      const auto text = read_file(*path);
      auto lenient = parse_dbc(text, name, dbc_mode::lenient);
      const auto strict = parse_dbc(text, name, dbc_mode::strict);
      INFO((lenient ? "" : lenient.error().detail)
           << " | " << (strict ? "" : strict.error().detail));
      REQUIRE(lenient);
      CHECK(strict.has_value() == (status == "ok"));
      if (status == "error") {
        const auto& kept = rejected_by_cantools.at(name);
        CHECK(lenient->messages.size() == kept.first);
        CHECK(lenient->warning_count == kept.second);
      }
      if (strict) {
        CHECK(strict->version == row["version"].get<std::string>());
        CHECK(json(strict->nodes) == row["nodes"]);
        CHECK(strict->messages.size() == row["messages"].get<std::size_t>());
      }
      index.clear();
      file = std::move(*lenient);
      for (const auto& message : file.messages)
        index[{message.id, message.extended}] = &message;
      return;
    }
    ++messages;
    const auto found = index.find({row["id"].get<std::uint32_t>(), row["ext"].get<bool>()});
    REQUIRE(found != index.end());
    const auto& message = *found->second;
    CHECK(message.name == row["name"].get<std::string>());
    CHECK(message.length == row["length"].get<std::uint32_t>());
    CHECK(json(message.senders) == row["senders"]);
    std::vector<json> ours;
    for (const auto& signal : message.signals)
      ours.push_back(as_expected(message, signal));
    const auto left = by_place(ours);
    const auto right = by_place(row["signals"].get<std::vector<json>>());
    CAPTURE(message.name);
    REQUIRE(left.size() == right.size());
    signals += left.size();
    for (auto a = left.begin(), b = right.begin(); a != left.end(); ++a, ++b)
      CHECK(a->second == b->second);
  });
  CHECK(files == 108);
  CHECK(messages == 2'114);
  CHECK(signals == 9'933);
}
