/// Decoded values, against what other decoders make of the same bytes.
#include "can/dbc/catalogue.hpp"
#include "can/dbc/decode.hpp"
#include "can/dbc/file.hpp"
#include "can/frame/identifier.hpp"
#include "can/logs/candump.hpp"
#include "tests/support/data.hpp"
#include "tests/support/dbc_data.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <cmath>
#include <map>

using namespace furrow::can;
using furrow::tests::bytes_of_hex;
using furrow::tests::data_file;
using furrow::tests::find_dbc;
using furrow::tests::for_each_json_line;
using furrow::tests::load_dbc;
using nlohmann::json;

namespace {

decode_plan corpus_plan_of(const dbc_file& file) {
  const dbc_file* files[] = {&file};
  auto plan = decode_plan::compile(files);
  REQUIRE(plan);
  return std::move(*plan);
}

double number_of(const json& value) {
  if (value.is_string())
    return std::stod(value.get<std::string>()); // "nan", "inf"
  return value.get<double>();
}

bool close(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b))
    return a == b;
  return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
}

/// As the expected rows have it: a number of any kind, without its state.
double physical_of(const dbc_signal& signal, const decoded_signal& value) {
  if (value.state == signal_state::value || signal.is_float)
    return value.physical;
  const auto raw = signal.is_signed ? static_cast<double>(static_cast<std::int64_t>(value.raw))
                                    : static_cast<double>(value.raw);
  return raw * signal.scale + signal.offset;
}

bool same_raw(const json& expected, const plan_signal& signal, std::uint64_t raw) {
  if (signal.is_float) {
    const auto value =
      signal.length == 64 ? std::bit_cast<double>(raw)
      : signal.length == 32
        ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(raw)))
        : NAN;
    return signal.length == 16 || close(value, number_of(expected));
  }
  if (expected.is_number_unsigned())
    return raw == expected.get<std::uint64_t>();
  return expected.is_number_integer()
         && static_cast<std::int64_t>(raw) == expected.get<std::int64_t>();
}

/// The state that a truth file names. It tells FB (parameter specific) from FC and FD (reserved in
/// SAE J1939-71): here all three are `specific`.
std::string state_named(const std::string& code) {
  static const std::map<std::string, std::string> words{{"", "value"},
                                                        {"ERR", "error"},
                                                        {"NA", "not_available"},
                                                        {"RES", "specific"},
                                                        {"SPEC", "specific"}};
  return words.at(code);
}

} // namespace

TEST_CASE("decode corpus: 8,984 frames of 104 DBC files decode as cantools decodes them") {
  const auto expected = data_file("dbc/expected.dbc_vectors.jsonl.gz");
  if (!expected)
    return;
  std::string name;
  dbc_file file;
  std::map<std::pair<std::uint32_t, bool>, dbc_file> alone;
  std::vector<decoded_signal> out;
  std::size_t rows = 0;
  std::size_t refused = 0;
  std::size_t namesakes = 0;
  for_each_json_line(*expected, [&](const json& row) {
    ++rows;
    if (row["file"] != name) {
      name = row["file"];
      file = load_dbc(*find_dbc(name));
      alone.clear();
    }
    // Each message in a plan of its own: J1939 matches by PGN, and these files give one PGN to
    // several.
    const std::pair key{row["id"].get<std::uint32_t>(), row["ext"].get<bool>()};
    if (alone.count(key) == 0) {
      auto& single = alone[key];
      single.protocol = file.protocol;
      for (const auto& message : file.messages)
        if (message.id == key.first && message.extended == key.second)
          single.messages.push_back(message);
    }
    const auto& message = alone[key].messages.at(0);
    const auto plan = corpus_plan_of(alone[key]);
    out.resize(plan.signals_max());
    const auto* found = plan.find(pack({.id = key.first, .extended = key.second}));
    CAPTURE(row.dump());
    REQUIRE(found != nullptr);
    const auto count = plan.decode(*found, bytes_of_hex(row["data"].get<std::string>()), out);
    if (row.contains("error")) {
      ++refused;
      return;
    }
    // Of signals with one name the expected row keeps one.
    std::map<std::string, bool> right;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& signal = plan.signal_of(out[i]);
      const auto of = std::find_if(message.signals.begin(), message.signals.end(),
                                   [&](const dbc_signal& s) { return s.name == signal.name; });
      REQUIRE(of != message.signals.end());
      REQUIRE(row["signals"].contains(signal.name));
      const auto& want = row["signals"][signal.name];
      right[signal.name] |= same_raw(want[0], signal, out[i].raw)
                            && close(physical_of(*of, out[i]), number_of(want[1]));
    }
    CHECK(right.size() == row["signals"].size());
    for (const auto& signal : right) {
      CAPTURE(signal.first);
      CHECK(signal.second);
    }
    namesakes += count - right.size();
  });
  CHECK(namesakes == 24);
  CHECK(rows == 8'984);
  CHECK(refused == 204);
}

TEST_CASE("decode corpus: J1939 indicators are distinguished from values in every width") {
  const auto expected = data_file("j1939/na_vectors.jsonl");
  if (!expected)
    return;
  std::size_t rows = 0;
  for_each_json_line(*expected, [&](const json& row) {
    ++rows;
    dbc_file file;
    auto& message = file.messages.emplace_back();
    message.extended = true;
    message.id = 0x18FEF1FE;
    message.length = 8;
    auto& signal = message.signals.emplace_back();
    signal.start = row["start"];
    signal.length = row["bits"];
    const auto plan = corpus_plan_of(file);
    std::vector<decoded_signal> out(1);
    REQUIRE(plan.decode(plan.messages()[0], bytes_of_hex(row["data"].get<std::string>()), out)
            == 1);
    CAPTURE(row.dump());
    CHECK(to_string(out[0].state) == state_named(row["state"].get<std::string>()));
    CHECK(std::isnan(out[0].physical));
  });
  CHECK(rows == 29);
}

TEST_CASE("decode corpus: every frame of real tractors, trucks and an engine decodes as the "
          "reference decodes it") {
  const auto dbc = data_file("dbc/ref_j1939_iso11783.dbc");
  if (!dbc)
    return;
  const auto file = load_dbc(*dbc);
  const auto plan = corpus_plan_of(file);
  std::vector<decoded_signal> out(plan.signals_max());
  std::size_t frames = 0;
  std::size_t values = 0;
  for (const std::string log :
       {"j1939/jd5055e/idle10sec.candump.log", "j1939/jd5055e/tractoronSitUp.candump.log",
        "j1939/jd5055e/transmission1and2and3InGear.candump.log",
        "j1939/css-FCBF0606-00000001.candump.log",
        "j1939/canboat-j1939-engine-start.candump.txt"}) {
    CAPTURE(log);
    const auto path = data_file(log);
    REQUIRE(path);
    const auto expected =
      path->parent_path() / "expected" / (path->filename().string() + ".ref_decode.jsonl.gz");
    std::map<std::uint64_t, json> rows;
    for_each_json_line(expected,
                       [&](const json& row) { rows[row["line"].get<std::uint64_t>()] = row; });
    const auto text = furrow::tests::read_file(*path);
    candump_reader reader{text};
    log_line line;
    log_payload payload;
    while (reader.next(line, payload)) {
      if (line.kind != line_kind::frame)
        continue;
      const frame_view frame{line.time_us, line.header, payload.data()};
      const auto count = plan.decode(frame, out);
      const auto row = rows.find(reader.line());
      CAPTURE(reader.line());
      if (row == rows.end()) {
        CHECK(count == 0);
        continue;
      }
      ++frames;
      const auto& want = row->second["s"];
      CHECK(row->second["pgn"] == pgn_of(line.header.id()));
      CHECK(row->second["sa"] == source_of(line.header.id()));
      REQUIRE(count == want.size());
      for (std::size_t i = 0; i < count; ++i, ++values) {
        const auto& signal = plan.signal_of(out[i]);
        CAPTURE(signal.name);
        const auto key = signal.name.substr(0, signal.name.find('_'));
        REQUIRE(want.contains(key));
        const auto& value = want[key];
        CHECK(out[i].raw == value[0].get<std::uint64_t>());
        CHECK(to_string(out[i].state)
              == state_named(value.size() > 2 ? value[2].get<std::string>() : ""));
        if (value.size() == 2)
          CHECK(close(out[i].physical, value[1].get<double>()));
        else
          CHECK(std::isnan(out[i].physical));
      }
    }
  }
  CHECK(frames == 13'933);
  CHECK(values == 137'306);
}

TEST_CASE("decode corpus: reassembled messages of a tractor decode as the reference decodes them") {
  const auto dbc = data_file("dbc/ref_j1939_iso11783.dbc");
  if (!dbc)
    return;
  const auto file = load_dbc(*dbc);
  const auto plan = corpus_plan_of(file);
  std::vector<decoded_signal> out(plan.signals_max());
  std::size_t messages = 0;
  for (const std::string log : {"j1939/jd5055e/expected/idle10sec.candump.log",
                                "j1939/jd5055e/expected/tractoronSitUp.candump.log",
                                "j1939/jd5055e/expected/transmission1and2and3InGear.candump.log",
                                "j1939/expected/css-FCBF0606-00000001.candump.log"}) {
    const auto expected = data_file(log + ".tp_expected.jsonl.gz");
    REQUIRE(expected);
    for_each_json_line(*expected, [&](const json& row) {
      const auto pgn = row["pgn"].get<std::uint32_t>();
      const auto* message = plan.find_pgn(pgn, row["sa"].get<std::uint8_t>());
      if (!row.contains("s") || message == nullptr)
        return;
      ++messages;
      CAPTURE(row.dump());
      const auto count = plan.decode(*message, bytes_of_hex(row["hex"].get<std::string>()), out);
      REQUIRE(count == row["s"].size());
      for (std::size_t i = 0; i < count; ++i) {
        const auto& signal = plan.signal_of(out[i]);
        const auto& value = row["s"][signal.name.substr(0, signal.name.find('_'))];
        CAPTURE(signal.name);
        CHECK(out[i].raw == value[0].get<std::uint64_t>());
        CHECK(to_string(out[i].state)
              == state_named(value.size() > 2 ? value[2].get<std::string>() : ""));
        if (value.size() == 2)
          CHECK(close(out[i].physical, value[1].get<double>()));
      }
    });
  }
  CHECK(messages >= 7);
}

namespace {

/// canboat's definitions of the PGNs that have but one.
std::map<std::uint32_t, json> single_definitions() {
  std::map<std::uint32_t, json> out;
  std::map<std::uint32_t, int> count;
  const auto path = data_file("n2k/canboat.json");
  if (!path)
    return out;
  const auto all = json::parse(furrow::tests::read_file(*path));
  for (const auto& definition : all["PGNs"]) {
    const auto pgn = definition["PGN"].get<std::uint32_t>();
    if (++count[pgn] == 1)
      out[pgn] = definition;
    else
      out.erase(pgn);
  }
  return out;
}

/// Half a unit of the last digit that is printed.
double half_a_digit(const json& number) {
  char digits[32]; // the shortest, which is what was printed
  const std::string text{digits,
                         std::to_chars(digits, digits + sizeof digits, number.get<double>()).ptr};
  const auto e = std::min(text.find('e'), text.size());
  const auto point = text.find('.');
  const auto decimals = point < e ? static_cast<int>(e - point) - 1 : 0;
  const auto exponent = e < text.size() ? std::stoi(text.substr(e + 1)) : 0;
  return 0.5 * std::pow(10.0, exponent - decimals);
}

/// Where canboat and its own DBC file differ, or its rule is not ours.
bool not_to_judge(std::uint32_t pgn,
                  const json& field,
                  const dbc_signal& shape,
                  const json& want,
                  std::uint64_t raw) {
  // Its DBC file leaves out the offset of some fields, and the factor of those in minutes.
  if (field.value("Offset", 0.0) != shape.offset
      || std::abs(field.value("Resolution", 1.0) - shape.scale) > 1e-9 * shape.scale)
    return true;
  // NAMEs use every value.
  if (pgn == 60'928)
    return true;
  // Of a proprietary PGN below NMEA 2000's, J1939's rule holds, and that has no signed numbers.
  if (pgn < 126'976 && shape.is_signed)
    return true;
  // 2 in two bits, when canboat has no name for it, is printed as null; not available is 3.
  return shape.length == 2 && raw == 2 && want.is_null();
}

/// canboat prints degrees, degrees Celsius and bars for radians, kelvins and pascals.
bool as_printed(const json& want, double ours, const std::string& unit) {
  const auto printed = want.get<double>();
  const auto slack = half_a_digit(want) * 1.0001 + std::abs(printed) * 1e-9;
  std::vector<double> forms{ours};
  if (unit.starts_with("rad"))
    forms = {ours * 180 / M_PI, ours};
  else if (unit == "K")
    forms = {ours - 273.15, ours};
  else if (unit == "Pa")
    forms = {ours / 100'000, ours / 100, ours / 1'000, ours};
  return std::any_of(forms.begin(), forms.end(),
                     [&](double form) { return std::abs(form - printed) <= slack; });
}

/// Fields that have a name beside their value are printed raw; a duration so, or in milliseconds.
bool agrees(const json& printed,
            bool duration,
            const decoded_signal& ours,
            const std::string& unit) {
  const auto& want = printed.is_object() ? printed["value"] : printed;
  const bool is_value = ours.state == signal_state::value;
  if (want.is_null() || !is_value)
    return want.is_null() != is_value;
  const bool is_raw =
    want.is_number_integer() && want.get<std::int64_t>() == static_cast<std::int64_t>(ours.raw);
  if (printed.is_object())
    return is_raw
           || (duration
               && (as_printed(want, ours.physical, unit)
                   || as_printed(want, ours.physical * 1'000, unit)));
  return as_printed(want, ours.physical, unit);
}

} // namespace

TEST_CASE("decode corpus: NMEA 2000 messages of real boats decode as canboat decodes them") {
  const auto definitions = single_definitions();
  if (definitions.empty())
    return;
  const auto canboat = load_dbc(*find_dbc("canboat.dbc"));
  auto ours = parse_dbc(catalogue_dbc(), "catalogue");
  REQUIRE(ours);
  const dbc_file* files[] = {&*ours, &canboat};
  const auto plan = decode_plan::compile(files);
  REQUIRE(plan);
  std::vector<decoded_signal> out(plan->signals_max());
  std::size_t messages = 0;
  std::size_t values = 0;
  std::size_t absent = 0;
  std::map<std::string, std::size_t> wrong;
  const auto folder = data_file("n2k/expected");
  REQUIRE(folder);
  for (const auto& entry : std::filesystem::directory_iterator{*folder})
    for_each_json_line(entry.path(), [&](const json& row) {
      if (!row.contains("pgn"))
        return;
      const auto pgn = row["pgn"].get<std::uint32_t>();
      const auto definition = definitions.find(pgn);
      const auto* message = plan->find_pgn(pgn, row["src"].get<std::uint8_t>());
      if (definition == definitions.end() || message == nullptr)
        return;
      ++messages;
      const auto& dbc = files[message->file]->messages;
      const auto of = std::find_if(dbc.begin(), dbc.end(),
                                   [&](const dbc_message& m) { return m.name == message->name; });
      const auto count = plan->decode(*message, bytes_of_hex(row["data"].get<std::string>()), out);
      for (std::size_t i = 0; i < count; ++i) {
        const auto& signal = plan->signal_of(out[i]);
        const auto shape = std::find_if(of->signals.begin(), of->signals.end(),
                                        [&](const dbc_signal& s) { return s.name == signal.name; });
        for (const auto& field : definition->second["Fields"]) {
          const auto& kind = field["FieldType"];
          if (field.value("BitOffset", ~0U) != shape->start
              || field.value("BitLength", 0U) != shape->length
              || !row["fields"].contains(field["Name"].get<std::string>())
              || (kind != "NUMBER" && kind != "LOOKUP" && kind != "DATE" && kind != "TIME"
                  && kind != "DURATION"))
            continue;
          const auto& printed = row["fields"][field["Name"].get<std::string>()];
          const auto want = printed.is_object() ? printed["value"] : printed;
          if ((!want.is_null() && !want.is_number())
              || not_to_judge(pgn, field, *shape, want, out[i].raw))
            continue;
          ++values;
          absent += out[i].state == signal_state::value ? 0 : 1;
          const bool right = agrees(printed, kind == "DURATION", out[i], signal.unit);
          if (!right)
            ++wrong[std::to_string(pgn) + ' ' + signal.name + ' ' + want.dump() + " is "
                    + std::to_string(out[i].raw)];
        }
      }
    });
  CHECK(messages > 10'000);
  CHECK(values > 30'000);
  CHECK(absent > 1'000);
  CHECK(json(wrong) == json(std::map<std::string, std::size_t>{}));
}
