/// The language of DBC, piece by piece, and what the parser does with text that is not DBC or wants
/// to hurt.
#include "can/dbc/file.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace furrow::can;

namespace {

std::string with_signal(const std::string& shape, const std::string& more = "") {
  return "BO_ 100 message: 8 node\n SG_ one " + shape + " Vector__XXX\n" + more;
}

dbc_file lenient(const std::string& text) {
  auto file = parse_dbc(text, "a.dbc");
  INFO((file ? "" : file.error().detail));
  REQUIRE(file);
  return std::move(*file);
}

const dbc_signal& only_signal(const dbc_file& file) {
  REQUIRE(file.messages.size() == 1);
  REQUIRE(file.messages[0].signals.size() == 1);
  return file.messages[0].signals[0];
}

/// The problem of a text with one problem: strict mode fails with it, lenient mode warns of it, or fails with it if
/// there is nothing else in the text.
std::string fault(const std::string& text) {
  const auto strict = parse_dbc(text, "a.dbc", dbc_mode::strict);
  REQUIRE_FALSE(strict);
  const auto file = parse_dbc(text, "a.dbc", dbc_mode::lenient);
  if (!file) {
    CHECK(file.error().detail == strict.error().detail);
    return strict.error().detail;
  }
  REQUIRE(file->warning_count == 1);
  const auto& warning = file->warnings.at(0);
  CHECK("a.dbc:" + std::to_string(warning.line) + ':' + std::to_string(warning.column) + ": "
          + warning.text
        == strict.error().detail);
  return strict.error().detail;
}

void strict_only(const std::string& text, const std::string& what) {
  const auto file = parse_dbc(text, "a.dbc", dbc_mode::strict);
  REQUIRE_FALSE(file);
  CHECK(file.code() == dbc_errc::unsound);
  CHECK(file.error().detail == what);
  const auto mild = lenient(text);
  REQUIRE(mild.warning_count == 1);
  const auto& warning = mild.warnings.at(0);
  CHECK("a.dbc:" + std::to_string(warning.line) + ':' + std::to_string(warning.column) + ": "
          + warning.text
        == what);
}

} // namespace

TEST_CASE("dbc: a signal is read with all fields of its line") {
  const auto file = lenient(with_signal(": 7|16@0- (0.5,-40) [-40|8151.75] \"km/h\""));
  const auto& signal = only_signal(file);
  CHECK(signal.name == "one");
  CHECK(signal.start == 7);
  CHECK(signal.length == 16);
  CHECK(signal.order == byte_order::motorola);
  CHECK(signal.is_signed);
  CHECK_FALSE(signal.is_float);
  CHECK(signal.scale == 0.5);
  CHECK(signal.offset == -40);
  CHECK(signal.min == -40);
  CHECK(signal.max == 8151.75);
  CHECK(signal.unit == "km/h");
  CHECK(file.messages[0].senders == std::vector<std::string>{"node"});
  CHECK(file.warning_count == 0);
}

TEST_CASE("dbc: numbers are read in the forms that programs write") {
  const auto file = lenient(with_signal(":0|8@1+(1E-007,.25)[+1|1e3]\"\""));
  const auto& signal = only_signal(file);
  CHECK(signal.scale == 1e-7);
  CHECK(signal.offset == 0.25);
  CHECK(signal.min == 1);
  CHECK(signal.max == 1000);
}

TEST_CASE("dbc: [0|0] is not a range") {
  const auto file = lenient(with_signal(": 0|8@1+ (1,0) [0|0] \"\""));
  CHECK_FALSE(only_signal(file).min);
  CHECK_FALSE(only_signal(file).max);
}

TEST_CASE("dbc: bit 31 of an identifier means extended") {
  const auto file = lenient("BO_ 2566844926 a: 8 X\nBO_ 254 b: 8 X\n");
  CHECK(file.messages[0].id == 0x18FEF1FE);
  CHECK(file.messages[0].extended);
  CHECK(file.messages[1].id == 254);
  CHECK_FALSE(file.messages[1].extended);
}

TEST_CASE("dbc: valid UTF-8 is read as UTF-8, anything else as Windows-1252") {
  const auto unit = [](const std::string& begin, const std::string& text,
                       dbc_encoding encoding = dbc_encoding::detect) {
    const auto file = parse_dbc(begin + with_signal(": 0|8@1+ (1,0) [0|0] \"" + text + '"'),
                                "a.dbc", dbc_mode::lenient, {}, encoding);
    REQUIRE(file);
    return only_signal(*file).unit;
  };
  const std::string mark = "\xEF\xBB\xBF";
  CHECK(unit("", "\xB0"
                 "C \x80\x81")
        == "°C €\xEF\xBF\xBD");
  CHECK(unit("", "°C") == "°C"); // SavvyCAN issue 293: no mark
  CHECK(unit(mark, "°C") == "°C");
  CHECK(unit(mark, "\xB0"
                   "C")
        == "°C"); // a mark, but not UTF-8
  SUBCASE("the encoding can be given") {
    CHECK(unit("", "°C", dbc_encoding::cp1252) == "Â°C");
    CHECK(unit("",
               "\xB0"
               "C",
               dbc_encoding::utf8)
          == "\xEF\xBF\xBD"
             "C");
  }
}

TEST_CASE("dbc: comments may span lines and contain quotes and semicolons") {
  const auto file = lenient(with_signal(
    ": 0|8@1+ (1,0) [0|0] \"\"", "CM_ SG_ 100 one \"first; \\\"second\\\"\r\n third\";\r\n"
                                 "CM_ BO_ 100 \"of the message\";\nCM_ \"of all\"; // remark\n"));
  CHECK(only_signal(file).comment == "first; \"second\"\r\n third");
  CHECK(file.messages[0].comment == "of the message");
  CHECK(file.comment == "of all");
}

TEST_CASE("dbc: NS_ may be empty, full, or end without BS_") {
  for (const std::string begin :
       {"NS_ :\nBS_:\n", "NS_ :\n\tNS_DESC_\n\tCM_\n\tVAL_\n\tBU_BO_REL_\n\nBS_:\n",
        "NS_ :\n\tCM_\n\tVAL_\n", "NS_ : NS_DESC_ CM_\n", "NS_ :\n",
        "NS_ :\n\tCM_\nCM_ \"hello\";\n", ""}) {
    CAPTURE(begin);
    CHECK(
      lenient("VERSION \"1\"\n" + begin + "BU_: a b\n" + with_signal(": 0|8@1+ (1,0) [0|0] \"\""))
        .messages.size()
      == 1);
  }
  CHECK(lenient("NS_ :\n\tCM_\nCM_ \"hello\";\n").comment == "hello");
}

TEST_CASE("dbc: labels may be negative, have 32 bits, or be written as a real number") {
  const auto file = lenient(with_signal(
    ": 0|8@1- (1,0) [0|0] \"\"", "VAL_ 100 one -1 \"minus\" 4294967295 \"many\" 2.0 \"two\" ;"));
  const auto& choices = only_signal(file).choices;
  REQUIRE(choices.size() == 3);
  CHECK(choices[0].value == -1);
  CHECK(choices[1].value == 4'294'967'295);
  CHECK(choices[2].value == 2);
  CHECK(choices[2].label == "two");
}

TEST_CASE("dbc: attributes are kept, and known attributes take effect") {
  const auto file = lenient(
    "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\",\"reserved\",\"J1939PG\";\n"
    "BA_DEF_ SG_ \"SPN\" INT 0 524287;\nBA_DEF_ BO_ \"cycle\" INT 0 1000;\nBA_DEF_ "
    "\"ProtocolType\" STRING;\n"
    "BA_DEF_DEF_ \"VFrameFormat\" \"StandardCAN\";\nBA_DEF_DEF_ \"ProtocolType\" \"\";\n"
    "BO_ 2566844926 a: 8 X\n SG_ speed : 8|16@1+ (1,0) [0|0] \"\" X\nBO_ 12 b: 8 X\n"
    "BA_ \"VFrameFormat\" BO_ 2566844926 3;\nBA_ \"SPN\" SG_ 2566844926 speed 84;\n"
    "BA_ \"cycle\" BO_ 12 100;\nBA_ \"ProtocolType\" \"J1939\";\n");
  CHECK(file.messages[0].format == dbc_frame_format::j1939);
  CHECK(file.messages[1].format == dbc_frame_format::standard);
  CHECK(file.messages[0].signals[0].spn == 84);
  CHECK(file.protocol == "J1939");
  const auto& cycle = file.messages[1].attributes.at(0);
  CHECK(file.attribute_definitions[cycle.definition].name == "cycle");
  CHECK(std::get<double>(cycle.value) == 100);
}

TEST_CASE("dbc: long names replace the short ones") {
  const auto file = lenient("BU_: n\nBO_ 100 m: 8 n\n SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\n"
                            "BA_ \"SystemSignalLongSymbol\" SG_ 100 s \"signal_long\";\nBA_ "
                            "\"SystemMessageLongSymbol\" BO_ 100 \"message_long\";\n"
                            "BA_ \"SystemNodeLongSymbol\" BU_ n \"node_long\";\nCM_ SG_ 100 s "
                            "\"found by its short name\";\n");
  CHECK(file.messages[0].name == "message_long");
  CHECK(only_signal(file).name == "signal_long");
  CHECK(only_signal(file).comment == "found by its short name");
  CHECK(file.nodes[0] == "node_long");
  CHECK(file.messages[0].senders[0] == "node_long");
}

TEST_CASE("dbc: multiplexing may nest and use ranges, and a selector may be signed") {
  const auto file =
    lenient("BO_ 100 m: 8 n\n"
            " SG_ a M : 0|8@1- (1,0) [0|0] \"\" X\n SG_ b m-1M : 8|8@1+ (1,0) [0|0] \"\" X\n"
            " SG_ c m3 : 16|8@1+ (1,0) [0|0] \"\" X\n SG_ d m1 : 8|8@1+ (1,0) [0|0] \"\" X\n"
            "SG_MUL_VAL_ 100 c b 3-5, 1-1,4-9 ;\n");
  CHECK(file.warning_count == 0);
  const auto& signals = file.messages[0].signals;
  CHECK(signals[0].mux.selector);
  CHECK(signals[1].mux.selector);
  CHECK(signals[1].mux.parent == 0);
  CHECK(signals[1].mux.when == std::vector<dbc_range>{{-1, -1}});
  CHECK(signals[2].mux.parent == 1);
  CHECK(signals[2].mux.when == std::vector<dbc_range>{{1, 1}, {3, 9}});
  CHECK(signals[3].mux.parent == 0);
}

TEST_CASE("dbc: statements that decoding does not need are skipped") {
  const auto file = lenient(
    "EV_ var: 0 [0|1] \"u;\" 0 1 DUMMY Vector__XXX;\nENVVAR_DATA_ var: 4;\nVAL_ var 0 \"off\" ;\n"
    "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n SG_ lost : 0|8@1+ (1,0) [0|0] "
    "\"\" X\n"
    "CM_ SG_ 3221225472 lost \"of nobody\";\n"
    "SIG_GROUP_ 100 g 1 : one;\nBA_DEF_REL_ BU_SG_REL_ \"x\" INT 0 1;\nBA_REL_ \"x\" BU_SG_REL_ n "
    "SG_ 1 s 1;\n");
  CHECK(file.messages.empty());
  CHECK(file.warning_count == 0);
}

TEST_CASE("dbc: errors name line and column") {
  CHECK(fault("VERSION \"\"\nBO_ 1275 2017_5: 8 ECU\n")
        == "a.dbc:2:10: the name of a message begins with a digit: 2017_5");
  CHECK(fault("VERSION \"\"\nBO_ 1275 -5: 8 ECU\n")
        == "a.dbc:2:10: expected the name of a message: a letter, then letters, digits and _");
  CHECK(fault("BO_ 1 a: 8 X\n SG_ s : 0;8@1+ (1,0) [0|0] \"\" X\n") == "a.dbc:2:11: expected '|'");
  CHECK(fault("BO_ 1 a: 8 X\n SG_ s : 0|8@2+ (1,0) [0|0] \"\" X\n")
        == "a.dbc:2:14: expected the byte order, 0 (Motorola) or 1 (Intel)");
  CHECK(fault("BO_ 1 a: 8 X\n SG_ s : 0|8@1+ (nan,0) [0|0] \"\" X\n")
        == "a.dbc:2:18: expected a number: factor");
  CHECK(fault("BO_ 4294967296 a: 8 X\n")
        == "a.dbc:1:5: identifier 4294967296 has more than 32 bits");
  CHECK(fault("BO_ 4294967295 a: 8 X\n")
        == "a.dbc:1:5: identifier 4294967295 has more than 29 bits");
  CHECK(fault("SG_ s : 0|8@1+ (1,0) [0|0] \"\" X\n") == "a.dbc:1:5: signal outside a message");
  CHECK(fault("CM_ \"no end") == "a.dbc:1:5: this string does not end");
  CHECK(fault("SIG_GROUP_ 1 a \n") == "a.dbc:1:12: this statement does not end with ';'");
  CHECK(fault("{}") == "a.dbc:1:1: expected a keyword such as BO_ or SG_");
  CHECK(fault("BO_ 1 a: 117440506 X\n")
        == "a.dbc:1:10: length of the message in bytes is 117440506; at most 117440505");
}

TEST_CASE("dbc: strict mode rejects what lenient mode warns about") {
  strict_only("BO_ 2048 a: 8 X\n", "a.dbc:1:5: identifier 2048 has more than 11 bits and no mark "
                                   "for extended; read as extended");
  strict_only(with_signal(": 60|8@1+ (1,0) [0|0] \"\""),
              "a.dbc:2:6: signal one lies outside the 8 bytes of message message");
  strict_only(with_signal(": 0|0@1+ (1,0) [0|0] \"\""),
              "a.dbc:2:6: signal without bits: it is never present");
  strict_only(with_signal(": 0|8@1+ (1e999,0) [0|0] \"\""),
              "a.dbc:2:6: factor or offset is not a finite number: the signal is not decoded");
  strict_only(with_signal(": 0|8@1+ (1,0) [0|0] \"\"", " SG_ two : 7|1@0+ (1,0) [0|0] \"\" X\n"),
              "a.dbc:3:6: signals one and two of message message share bits");
  strict_only("SURPRISE_ 1 2 3;\n", "a.dbc:1:1: unknown keyword SURPRISE_");
}

TEST_CASE("dbc: signals that are never present together may share bits") {
  const std::string branches = "BO_ 1 m: 8 n\n SG_ a M : 0|8@1+ (1,0) [0|0] \"\" X\n SG_ b m0 : "
                               "8|8@1+ (1,0) [0|0] \"\" X\n SG_ c m1 : 8|8@1+ (1,0) [0|0] \"\" X\n";
  CHECK(parse_dbc(branches, "a.dbc", dbc_mode::strict));
  CHECK_FALSE(
    parse_dbc(branches + " SG_ d : 12|2@1+ (1,0) [0|0] \"\" X\n", "a.dbc", dbc_mode::strict));
}

TEST_CASE(
  "dbc: selectors that select each other or nothing leave their signals out with a warning") {
  const auto loop = lenient(
    "BO_ 1 m: 8 n\n SG_ a m0M : 0|8@1+ (1,0) [0|0] \"\" X\n SG_ b m0M : 8|8@1+ (1,0) [0|0] \"\" X\n"
    "SG_MUL_VAL_ 1 a b 0-0;\nSG_MUL_VAL_ 1 b a 0-0;\n");
  REQUIRE(loop.warning_count == 1);
  CHECK(loop.warnings[0].text.find("selects itself") != std::string::npos);
  const auto self = lenient("BO_ 1 m: 8 n\n SG_ a m0M : 0|8@1+ (1,0) [0|0] \"\" X\n");
  CHECK(self.warning_count == 1);
  const auto none = lenient("BO_ 1 m: 8 n\n SG_ a m0 : 0|8@1+ (1,0) [0|0] \"\" X\n");
  CHECK(none.warning_count == 1);
  const auto stranger =
    lenient("BO_ 1 m: 8 n\n SG_ a m0 : 0|8@1+ (1,0) [0|0] \"\" X\nSG_MUL_VAL_ 1 a nobody 0-0;\n");
  CHECK(stranger.warning_count == 1);
}

TEST_CASE("dbc: statements about missing objects are warnings in both modes") {
  const std::string text =
    "BO_ 1 a: 8 X\nBO_ 1 b: 8 X\nCM_ BO_ 7 \"who\";\nVAL_ 1 nothing 0 \"off\" ;\n";
  const auto file = parse_dbc(text, "a.dbc", dbc_mode::strict);
  REQUIRE(file);
  CHECK(file->warning_count == 3);
  CHECK(file->warnings[1].text == "no message has the identifier 7");
  CHECK(file->warnings[1].line == 3);
}

TEST_CASE("dbc: every limit is enforced and named") {
  dbc_limits limits;
  limits.messages = 2;
  const auto with = [&](const std::string& text) {
    const auto file = parse_dbc(text, "a.dbc", dbc_mode::lenient, limits);
    REQUIRE_FALSE(file);
    CHECK(file.code() == dbc_errc::too_large);
    return file.error().detail;
  };
  CHECK(with("BO_ 1 a: 8 X\nBO_ 2 a: 8 X\nBO_ 3 a: 8 X\n") == "a.dbc:3:5: more than 2 messages");
  limits = {};
  limits.signals = 1;
  CHECK(with(with_signal(": 0|8@1+ (1,0) [0|0] \"\"", " SG_ two : 8|8@1+ (1,0) [0|0] \"\" X\n"))
        == "a.dbc:3:6: more than 1 signals");
  limits = {};
  limits.choices = 1;
  CHECK(with("VAL_TABLE_ t 0 \"a\" 1 \"b\" ;") == "a.dbc:1:20: more than 1 labelled values");
  limits = {};
  limits.attributes = 1;
  CHECK(with("BA_DEF_ \"a\" STRING;\nBA_DEF_ \"b\" STRING;")
        == "a.dbc:2:9: more than 1 attributes");
  limits = {};
  limits.file_bytes = 10;
  CHECK(with("VERSION \"too long\"") == "a.dbc: 18 bytes; at most 10");
  limits = {};
  CHECK(with("BO_ 1 " + std::string(300, 'a') + ": 8 X")
        == "a.dbc:1:7: name of 300 bytes; at most 255");
  CHECK(with("CM_ \"" + std::string(70'000, 'a') + "\";")
        == "a.dbc:1:5: text of 70000 bytes; at most 65536");
}

TEST_CASE(
  "dbc: a million signals are rejected, and a quarter of a million are read, in bounded time") {
  const auto begin = std::chrono::steady_clock::now();
  std::string text = "BO_ 1 m: 8 n\n";
  const std::string line = " SG_ s : 0|1@1+ (1,0) [0|0] \"\" X\n";
  for (int i = 0; i < 1'000'000; ++i)
    text += line;
  const auto many = parse_dbc(text, "a.dbc");
  REQUIRE_FALSE(many);
  CHECK(many.code() == dbc_errc::too_large);
  text.resize(13 + 200'000 * line.size());
  const auto fewer = parse_dbc(text, "a.dbc");
  REQUIRE(fewer);
  CHECK(fewer->messages[0].signals.size() == 200'000);
  CHECK(fewer->warnings.size()
        == 1'000); // all but one have the name of another; the rest is counted
  CHECK(fewer->warning_count == 200'000);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{20});
}

TEST_CASE("dbc: ten thousand overlapping signals do not take quadratic time") {
  std::string text = "BO_ 1 m: 64 n\n SG_ s M : 0|16@1+ (1,0) [0|0] \"\" X\n";
  for (int i = 0; i < 20'000; ++i)
    text +=
      " SG_ s" + std::to_string(i) + " m" + std::to_string(i) + " : 16|480@1+ (1,0) [0|0] \"\" X\n";
  const auto begin = std::chrono::steady_clock::now();
  CHECK(parse_dbc(text, "a.dbc", dbc_mode::strict));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{5});
}
