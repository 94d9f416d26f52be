#include "can/records/body.hpp"
#include "can/records/flat_json.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <random>

#include <nlohmann/json.hpp>

using namespace furrow::can;

namespace {

const std::string sound_yield =
  R"({"mass_flow_kgps":7.25,"moisture_pct":13.5,"width_m":9.1,"speed_mps":1.8,"latitude_deg":52.1,"longitude_deg":11.6,"crop":"wheat"})";
const std::string sound_tokens =
  R"({"agent":"scout","model":"m-1","prompt_tokens":1200,"completion_tokens":88,"cost_usd":0.0123})";

std::string refusal(std::uint16_t kind, const std::string& body, std::int64_t time_us = 1) {
  return refusal_of({time_us, kind, body}).value_or("");
}

std::string with(const std::string& body, const std::string& from, const std::string& to) {
  auto out = body;
  const auto at = out.find(from);
  REQUIRE(at != std::string::npos);
  return out.replace(at, from.size(), to);
}

/// Whether a full JSON reader accepts the text as an object of plain values without NUL.
bool is_flat_object(const std::string& text) {
  const auto read = nlohmann::json::parse(text, nullptr, false);
  if (!read.is_object())
    return false;
  for (const auto& [name, value] : read.items())
    if (value.is_structured() || name.find('\0') != std::string::npos
        || (value.is_string() && value.get<std::string>().find('\0') != std::string::npos))
      return false;
  return true;
}

bool reads_flat(const std::string& text) {
  flat_json members{text};
  json_member member;
  while (members.next(member))
    if (member.is == json_member::type::nested)
      return false;
  return members.fault() == nullptr;
}

} // namespace

TEST_CASE(
  "record kinds: a kind is found by number and name, and Furrow's own numbers are reserved") {
  for (const auto& kind : record_kinds()) {
    CHECK(find_record_kind(kind.number) == &kind);
    CHECK(find_record_kind(kind.name) == &kind);
    CHECK(find_record_kind(kind.table) == &kind);
    CHECK(kind.number >= 0x4000);
    CHECK(kind.number < record_kind_lost);
    CHECK(kind.fields.size() <= 32); // a bit each in read_body
    for (const auto& field : kind.fields) {
      CHECK(field.low <= field.high);
      CHECK((field.beside.empty() || find_field(kind, field.beside)));
      for (const auto word : field.words)
        CHECK(static_cast<double>(word.size()) <= field.high);
    }
  }
  CHECK(find_record_kind(std::uint16_t{0}) == nullptr);
  CHECK(find_record_kind(std::uint16_t{0x4000}) == nullptr);
  CHECK(find_record_kind(std::uint16_t{0x4005}) == nullptr);
  CHECK(find_record_kind(record_kind_lost) == nullptr);
  CHECK(find_record_kind("nonsense") == nullptr);
  CHECK(record_kind_names() == "sensor, yield, tokens, fault");
}

TEST_CASE("record body: a valid body is read field by field, and an absent field is not zero") {
  record_values values;
  const auto& kind = *find_record_kind("yield");
  REQUIRE_FALSE(read_body(kind, sound_yield, values));
  CHECK(std::get<double>(values[*find_field(kind, "moisture_pct")]) == 13.5);
  CHECK(std::get<std::string>(values[*find_field(kind, "crop")]) == "wheat");
  CHECK(std::holds_alternative<std::monostate>(values[*find_field(kind, "altitude_m")]));
  CHECK(write_body(kind, values) == sound_yield);
  const auto& tokens = *find_record_kind("tokens");
  REQUIRE_FALSE(read_body(
    tokens, with(sound_tokens, R"("scout")", R"("\u00e9\ud83d\ude9c \"q\" \\")"), values));
  CHECK(std::get<std::string>(values[0]) == "\u00e9\U0001F69C \"q\" \\");
  CHECK(std::get<std::int64_t>(values[*find_field(tokens, "prompt_tokens")]) == 1'200);
  REQUIRE_FALSE(read_body(tokens, with(sound_tokens, "0.0123", "null"), values));
  CHECK(std::holds_alternative<std::monostate>(values[*find_field(tokens, "cost_usd")]));
}

TEST_CASE("record body: each fault names the field and its limit") {
  const auto yield = [](const std::string& from, const std::string& to) {
    return refusal(record_kind_yield, with(sound_yield, from, to));
  };
  CHECK(yield("wheat", "wheat").empty());
  CHECK(yield("13.5", "130") == "yield: moisture_pct: 130 is not within 0 to 100 %");
  CHECK(yield("13.5", "-0.1") == "yield: moisture_pct: -0.1 is not within 0 to 100 %");
  CHECK(yield("13.5", "1e999") == "yield: moisture_pct: 1e999 is not within 0 to 100 %");
  CHECK(yield("13.5", "\"13.5\"")
        == "yield: moisture_pct: the text \"13.5\" where a number is wanted");
  CHECK(yield("13.5", "[13.5]")
        == "yield: moisture_pct: an object or a list where a number is wanted");
  CHECK(yield("\"width_m\":9.1,", "") == "yield: width_m: is missing");
  CHECK(yield("9.1", "null") == "yield: width_m: is missing");
  CHECK(yield("width_m", "with_m") == "yield: \"with_m\": yield has no such field");
  CHECK(yield("width_m", "speed_mps") == "yield: speed_mps: is given twice");
  CHECK(yield("\"longitude_deg\":11.6,", "") == "yield: latitude_deg: without longitude_deg");
  CHECK(yield("wheat", std::string(65, 'w')) == "yield: crop: 65 bytes are not within 1 to 64");
  CHECK(yield("wheat", "") == "yield: crop: 0 bytes are not within 1 to 64");
  CHECK(yield("wheat", "\\u0000") == "yield: a NUL in a text (byte 129)");
  CHECK(yield("}", "") == "yield: a comma or } is missing (byte 129)");
  CHECK(refusal(record_kind_yield, "") == "yield: a JSON object begins with { (byte 1)");
  CHECK(refusal(record_kind_yield, "{}") == "yield: mass_flow_kgps: is missing");
  CHECK(refusal(record_kind_yield, sound_yield + "{}")
        == "yield: something stands after the object (byte 130)");
  const auto tokens = [](const std::string& from, const std::string& to) {
    return refusal(record_kind_tokens, with(sound_tokens, from, to));
  };
  CHECK(tokens("1200", "1200.5").empty()); // a fraction of a token
  CHECK(refusal(record_kind_fault, R"({"source":3,"spn":190.5,"fmi":2,"active":true})")
        == "fault: spn: 190.5 where a whole number is wanted");
  CHECK(tokens("1200", "99999999999999999999")
        == "tokens: prompt_tokens: 99999999999999999999 is not within 0 to 1e+12");
  CHECK(refusal(record_kind_fault, R"({"source":3,"spn":190,"fmi":2,"active":true,"lamp":"blue"})")
        == "fault: lamp: \"blue\" is none of off, protect, amber, red, malfunction");
  CHECK(refusal(record_kind_fault, R"({"source":3,"spn":190,"fmi":2,"active":1})")
        == "fault: active: 1 where true or false is wanted");
  CHECK(refusal(record_kind_yield, sound_yield, -1)
        == "yield: time: -1 us is not within 1970 to 2099");
  CHECK(refusal(record_kind_yield, sound_yield, INT64_MAX).starts_with("yield: time: "));
  CHECK(refusal(3, "whatever", -1).empty()); // a user's own kind
}

TEST_CASE("record body: reads times as people and programs write them") {
  CHECK(parse_record_time("2026-05-01T06:30:00.25Z") == 1'777'617'000'250'000);
  CHECK(parse_record_time("2026-05-01T08:30:00+02:00") == 1'777'617'000'000'000);
  CHECK(parse_record_time("2026-05-01 05:00:00-01:30") == 1'777'617'000'000'000);
  CHECK(parse_record_time("1777617000.25") == 1'777'617'000'250'000);
  CHECK(parse_record_time("0") == 0);
  for (const auto* text :
       {"", "x", "2026-05-01", "2026-13-01T00:00:00Z", "2026-05-01T06:30:00", "1777617000.", "-5",
        "2026-05-01T06:30:00+2:00:00", "2026-05-01T06:30:00Zx", "1.1234567", "1e9"})
    CHECK_FALSE(parse_record_time(text));
}

TEST_CASE("record body: random values of every kind read back the same") {
  std::mt19937_64 random{7};
  constexpr std::array<std::string_view, 7> pieces{"a",  "\u00e9", "\"",        "\\",
                                                   "\n", "\x7F",   "\U0001F69C"};
  for (int round = 0; round < 20'000; ++round) {
    const auto& kind = record_kinds()[random() % record_kinds().size()];
    record_values values(kind.fields.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto& field = kind.fields[i];
      const auto part = static_cast<double>(random() % 1'000'001) / 1e6;
      const auto within = field.low + part * (field.high - field.low);
      if (!field.required && field.beside.empty() && random() % 3 == 0)
        continue;
      if (field.type == field_type::real)
        values[i] = within;
      else if (field.type == field_type::amount && random() % 2 == 0)
        values[i] = std::floor(within) + 0.25;
      else if (field.type == field_type::integer || field.type == field_type::amount)
        values[i] = static_cast<std::int64_t>(within);
      else if (field.type == field_type::boolean)
        values[i] = random() % 2 == 0;
      else if (field.type == field_type::word)
        values[i] = std::string{field.words[random() % field.words.size()]};
      else {
        std::string text{"x"};
        while (random() % 4 != 0 && text.size() + 4 <= static_cast<std::size_t>(field.high))
          text += pieces[random() % pieces.size()];
        values[i] = text;
      }
    }
    const auto body = write_body(kind, values);
    record_values read;
    const auto wrong = read_body(kind, body, read);
    if (wrong || read != values || !is_flat_object(body))
      FAIL(body << (wrong ? wrong->what : " came back as other values"));
  }
}

TEST_CASE("flat json: accepts the same texts as a full JSON reader") {
  std::mt19937_64 random{11};
  // Pieces that often make almost valid JSON.
  constexpr std::array<std::string_view, 34> pieces{
    "{",     "}",    "[",     "]",      ":",   ",",   "\"",    "\\",      "\"a\"",
    "\"b\"", "true", "false", "null",   "0",   "-",   "12",    ".5",      "e3",
    "E+2",   "01",   " ",     "\t",     "\n",  "\\u", "d83d",  "\\ude9c", "\\u0041",
    "\\n",   "\\x",  "\x01",  "\u00e9", "tru", "1.",  "\"\":0"};
  std::size_t taken = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = random() % 8 == 0 ? "" : "{\"k\":";
    const auto count = random() % 9;
    for (std::uint64_t i = 0; i < count; ++i)
      text += pieces[random() % pieces.size()];
    if (random() % 2 == 0)
      text += "}";
    const bool ours = reads_flat(text);
    taken += ours ? 1U : 0U;
    if (ours != is_flat_object(text))
      FAIL((ours ? "taken: " : "refused: ") << text);
  }
  CHECK(taken > 1'000);
}

TEST_CASE("record body: a body with changed bytes is read to the end or rejected in one line") {
  std::mt19937_64 random{13};
  std::size_t refused = 0;
  for (int round = 0; round < 100'000; ++round) {
    auto body = random() % 2 == 0 ? sound_yield : sound_tokens;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const auto at = random() % body.size();
      switch (random() % 3) {
      case 0:
        body[at] = static_cast<char>(random());
        break;
      case 1:
        body.erase(at, 1 + random() % 5);
        break;
      default:
        body.insert(at, body.substr(random() % body.size(), random() % 9));
      }
      if (body.empty())
        body = "{";
    }
    const auto kind = static_cast<std::uint16_t>(record_kind_sensor + random() % 4);
    const auto why = refusal_of({1, kind, body});
    if (!why)
      continue;
    ++refused;
    if (why->empty() || why->size() > 300)
      FAIL(body << ": " << *why);
  }
  CHECK(refused > 50'000);
}
