/// DBC files with statements that are not DBC: lenient mode repairs or skips each one and says where, strict mode lists
/// all of them.
#include "can/dbc/file.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace furrow::can;

namespace {

/// The warnings, one `line:column: text` each.
std::vector<std::string> warnings_of(const dbc_file& file) {
  std::vector<std::string> lines;
  for (const auto& warning : file.warnings)
    lines.push_back(std::to_string(warning.line) + ':' + std::to_string(warning.column) + ": "
                    + warning.text);
  return lines;
}

/// Reads a text with problems: lenient mode warns of exactly these, strict mode fails with exactly these.
dbc_file repaired(const std::string& text, const std::vector<std::string>& problems) {
  CAPTURE(text);
  auto file = parse_dbc(text, "a.dbc");
  INFO((file ? "" : file.error().detail));
  REQUIRE(file);
  CHECK(warnings_of(*file) == problems);
  const auto strict = parse_dbc(text, "a.dbc", dbc_mode::strict);
  REQUIRE_FALSE(strict);
  std::string all;
  for (const auto& problem : problems)
    all += (all.empty() ? "a.dbc:" : "\na.dbc:") + problem;
  CHECK(strict.error().detail == all);
  return std::move(*file);
}

std::vector<std::string> signals_of(const dbc_message& message) {
  std::vector<std::string> names;
  for (const auto& signal : message.signals)
    names.push_back(signal.name);
  return names;
}

using name_list = std::vector<std::string>;

} // namespace

TEST_CASE("dbc repair: a missing semicolon costs nothing") { // EFeru/DbcParser issue 82
  const auto file = repaired("BO_ 320 ACC: 8 XXX\n SG_ OFF : 0|2@1+ (1,0) [0|3] \"\" XXX\n"
                             " SG_ SPEED : 8|16@1+ (0.01,0) [0|655.35] \"km/h\" XXX\n"
                             "CM_ \"Generated from a part\"\n"
                             "VAL_ 320 OFF 2 \"PERMANENT\" 0 \"NONE\" // two\n"
                             "VAL_ 320 SPEED 65535 \"SNA\"",
                             {"4:28: expected ';'", "5:43: expected ';'", "6:27: expected ';'"});
  CHECK(file.comment == "Generated from a part");
  REQUIRE(file.messages.size() == 1);
  const auto& signals = file.messages[0].signals;
  REQUIRE(signals.size() == 2);
  CHECK(signals[0].choices.size() == 2);
  CHECK(signals[1].choices.size() == 1);
}

TEST_CASE("dbc repair: a missing semicolon costs nothing in any statement that needs one") {
  const auto file = repaired("VAL_TABLE_ t 0 \"a\"\nBO_ 1 m: 8 X\n SG_ s M : 0|8@1+ (1,0) [0|0] "
                             "\"\" X\n SG_ r m0 : 8|32@1+ (1,0) [0|0] \"\" X\n"
                             "BO_TX_BU_ 1 : X, Y\nBA_DEF_ BO_ \"cycle\" INT 0 10\n"
                             "BA_DEF_DEF_ \"cycle\" 3\nBA_ \"cycle\" BO_ 1 7\n"
                             "SIG_VALTYPE_ 1 r : 1\nSG_MUL_VAL_ 1 r s 1-2\nSIG_GROUP_ 1 g 1 : s\n"
                             "BA_DEF_REL_ BU_SG_REL_ \"x\" INT 0 1\n",
                             {"1:19: expected ';'", "5:19: expected ';'", "6:29: expected ';'",
                              "7:22: expected ';'", "8:20: expected ';'", "9:21: expected ';'",
                              "10:22: expected ';'", "11:12: this statement does not end with ';'",
                              "12:13: this statement does not end with ';'"});
  CHECK(file.value_tables.size() == 1);
  const auto& message = file.messages.at(0);
  CHECK(message.senders == name_list{"X", "Y"});
  CHECK(std::get<double>(message.attributes.at(0).value) == 7);
  CHECK(message.signals.at(1).is_float);
  CHECK(message.signals.at(1).mux.when == std::vector<dbc_range>{{1, 2}});
}

TEST_CASE("dbc repair: a comment that names no signal is skipped") { // commaai/opendbc issue 470
  const auto file = repaired("BO_ 304 a: 8 X\n SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\n"
                             "CM_ SG_ 304 \"no name\";\nCM_ SG_ 304 s \"named\";\n",
                             {"3:13: expected the name of a signal: a letter, then letters, digits "
                              "and _"});
  CHECK(file.messages.at(0).signals.at(0).comment == "named");
}

TEST_CASE("dbc repair: a selector mark without a number costs its signal") { // opendbc issue 1422
  const auto file = repaired("BO_ 648 M2: 8 X\n SG_ Code m : 6|2@1+ (1,0) [0|3] \"\" X\n"
                             " SG_ A m2 : 0|6@1+ (1,0) [0|63] \"\" X\n"
                             " SG_ OTHER : 8|8@1+ (1,0) [0|0] \"\" X\nBO_ 649 FINE: 8 X\n"
                             " SG_ B : 0|8@1+ (1,0) [0|0] \"\" X\n",
                             {"2:11: expected ':', M, m<number> or m<number>M",
                              "3:6: signal A is multiplexed and message M2 has no selector"});
  REQUIRE(file.messages.size() == 2);
  CHECK(signals_of(file.messages[0]) == name_list{"A", "OTHER"});
  CHECK(file.messages[0].signals[0].mux.parent
        == -1); // A is never present: nobody knows when it is
  CHECK(signals_of(file.messages[1]) == name_list{"B"});
}

TEST_CASE("dbc repair: names that begin with a digit are names") { // Aptiv dbc-interface issue 1
  const auto file =
    repaired("BU_: 1st\nBO_ 501 GEAR: 8 1st\n SG_ 0_COUNTER : 0|4@1+ (1,0) [0|15] \"\" X\n"
             "BO_ 1178 2017_6: 8 X\n SG_ Y : 0|8@1+ (1,0) [0|0] \"\" X\n"
             "VAL_ 501 0_COUNTER 1 \"one\";\n",
             {"1:6: the name of a node begins with a digit: 1st",
              "2:17: the name of a node begins with a digit: 1st",
              "3:6: the name of a signal begins with a digit: 0_COUNTER",
              "4:10: the name of a message begins with a digit: 2017_6",
              "6:10: the name of a signal begins with a digit: 0_COUNTER"});
  REQUIRE(file.messages.size() == 2);
  CHECK(file.messages[0].signals.at(0).choices.size() == 1);
  CHECK(file.messages[1].name == "2017_6");
  CHECK(signals_of(file.messages[1]) == name_list{"Y"});
}

TEST_CASE("dbc repair: a message that no frame can carry is skipped with its signals") {
  for (const auto& [id, bits] : {std::pair{"4294967295", "29"}, std::pair{"4294967296", "32"}}) {
    const auto file =
      repaired("BO_ 1 first: 8 X\n SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\nBO_ " + std::string{id}
                 + " bad: 8 X\n SG_ lost : 0|8@1+ (1,0) [0|0] \"\" X\nBO_ 2 last: 8 X\n"
                   " SG_ t : 0|8@1+ (1,0) [0|0] \"\" X\n",
               {"3:5: identifier " + std::string{id} + " has more than " + bits + " bits"});
    REQUIRE(file.messages.size() == 2);
    CHECK(signals_of(file.messages[0]) == name_list{"s"});
    CHECK(signals_of(file.messages[1]) == name_list{"t"});
  }
}

TEST_CASE("dbc repair: a comment between /* and */ is skipped") {
  const auto file = repaired(
    "/* made by hand */\nBO_ 1 a: 8 X\n"
    " SG_ s : 0|8@1+ (1,0) [0|0] \"\" X /* one\nBO_ 9 none: 8 X */\n"
    " SG_ t : 8|8@1+ (1,0) [0|0] \"\" X\nCM_ BO_ 1 \"/* text */\";\n",
    {"1:1: comment between /* and */: skipped", "3:34: comment between /* and */: skipped"});
  REQUIRE(file.messages.size() == 1);
  CHECK(signals_of(file.messages[0]) == name_list{"s", "t"});
  CHECK(file.messages[0].comment == "/* text */");
  // One that does not end hides one line, not the rest of the file.
  const auto open = repaired("BO_ 1 a: 8 X\n/* open\n SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\n",
                             {"2:1: expected a keyword such as BO_ or SG_"});
  CHECK(signals_of(open.messages.at(0)) == name_list{"s"});
}

TEST_CASE("dbc repair: a missing quote costs its statement, not the statements after it") {
  const auto file = repaired("BO_ 1 a: 8 X\n SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\n"
                             " SG_ t : 8|8@1+ (1,0) [0|0] \"\" X\n"
                             "CM_ SG_ 1 s \"no end;\nCM_ SG_ 1 t \"second\";\n"
                             "VAL_ 1 s 1 \"one\" 2 two;\nVAL_ 1 t 1 \"one\";\n",
                             {"5:14: expected ';'", "6:20: expected a label in quotes"});
  const auto& signals = file.messages.at(0).signals;
  CHECK(signals.at(1).comment == "second");
  CHECK(signals.at(0).choices.empty());
  CHECK(signals.at(1).choices.size() == 1);
}

TEST_CASE(
  "dbc repair: a broken line in a message costs that line") { // with the text up to the next keyword
  const auto file =
    repaired("BO_ 1 a: 8 X\n SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\n"
             " SG bad : 8|8@1+ (1,0) [0|0] \"\" X\n SG_ : 8|8@1+ (1,0) [0|0] \"\" X\n"
             "?\n?\n SG_ t : 16|8@1+ (1,0) [0|0] \"\" X\nBO_ 2 b 8 X\n"
             " SG_ lost : 0|8@1+ (1,0) [0|0] \"\" X\n",
             {"3:2: unknown keyword SG",
              "4:6: expected the name of a signal: a letter, then letters, digits "
              "and _",
              "8:9: expected ':'"});
  REQUIRE(file.messages.size() == 1);
  CHECK(signals_of(file.messages[0]) == name_list{"s", "t"});
}

TEST_CASE("dbc repair: a text in which no statement can be read is an error in both modes") {
  for (const std::string text :
       {"(1.5) can0 123#00\n(1.6) can0 124#00\n", "root:x:0:0:root:/root:/bin/bash\n",
        "date Mon Mar 2 09:10:11.500 am 2020\nbase hex timestamps absolute\n", "BO_ SG_ CM_ \n"}) {
    CAPTURE(text);
    const auto file = parse_dbc(text, "a.dbc");
    REQUIRE_FALSE(file);
    CHECK(file.code() != dbc_errc::too_large);
    CHECK(file.error().detail.starts_with("a.dbc:1:"));
    CHECK(file.error().detail.find('\n') == std::string::npos);
    CHECK_FALSE(parse_dbc(text, "a.dbc", dbc_mode::strict));
  }
}

TEST_CASE(
  "dbc repair: strict mode lists at most as many problems as the limit, and counts the rest") {
  dbc_limits limits;
  limits.warnings = 2;
  const std::string text = "VERSION \"\"\nBO_ x\nBO_ x\nBO_ x\nBO_ x\n";
  const auto strict = parse_dbc(text, "a.dbc", dbc_mode::strict, limits);
  REQUIRE_FALSE(strict);
  CHECK(strict.error().detail
        == "a.dbc:2:5: expected the identifier of a message\na.dbc:3:5: expected the identifier of "
           "a message\na.dbc: 2 further problems");
  const auto file = parse_dbc(text, "a.dbc", dbc_mode::lenient, limits);
  REQUIRE(file);
  CHECK(file->warnings.size() == 2);
  CHECK(file->warning_count == 4);
}

TEST_CASE("dbc repair: a file of broken statements is read in linear time") {
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string line :
       {"SIG_GROUP_ 1 a\n", "CM_ \"\n", "VAL_ 1 a 1 \"\n", "/*\n", "EV_ \"\nx\n", "hello\n",
        "VAL_ 1 a 1 \" 2 \"\n", "CM_ BU_ \"\\\"\n", "BO_TX_BU_ 1 : a,\n"}) {
    std::string text = "VERSION \"\"\n";
    while (text.size() < 1'000'000)
      text += line;
    CAPTURE(line);
    const auto file = parse_dbc(text, "a.dbc");
    CHECK((file.has_value() || file.code() == dbc_errc::too_large));
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{20});
}
