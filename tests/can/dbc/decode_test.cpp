#include "can/dbc/decode.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

using namespace furrow::can;

namespace {

using bytes = std::vector<std::uint8_t>;

dbc_file parse(const std::string& text) {
  auto file = parse_dbc(text, "a.dbc");
  INFO((file ? "" : file.error().detail));
  REQUIRE(file);
  return std::move(*file);
}

decode_plan plan_of(std::initializer_list<const dbc_file*> files) {
  auto plan = decode_plan::compile({files.begin(), files.size()});
  REQUIRE(plan);
  return std::move(*plan);
}

decode_plan plan_of(const std::string& text) {
  const auto file = parse(text);
  return plan_of({&file});
}

/// The signals of message `index` as name and value.
std::vector<decoded_signal>
decode(const decode_plan& plan, const bytes& payload, std::size_t index = 0) {
  std::vector<decoded_signal> out(plan.signals_max());
  out.resize(plan.decode(plan.messages().at(index), payload, out));
  return out;
}

std::string names(const decode_plan& plan, const std::vector<decoded_signal>& values) {
  std::string out;
  for (const auto& value : values)
    out += (out.empty() ? "" : " ") + plan.signal_of(value).name;
  return out;
}

/// One bit after the other, as the DBC documentation draws it.
std::uint64_t slowly(const bytes& payload, const dbc_signal& signal) {
  std::uint64_t raw = 0;
  auto bit = signal.start;
  for (std::uint32_t i = 0; i < signal.length; ++i) {
    const std::uint64_t value = payload[bit / 8] >> bit % 8 & 1U;
    if (signal.order == byte_order::intel) {
      raw |= value << i;
      ++bit;
    } else {
      raw = raw << 1U | value;
      bit =
        bit % 8 == 0 ? bit + 15 : bit - 1; // from the lowest bit on to the highest of the next byte
    }
  }
  if (signal.is_signed && signal.length < 64 && (raw >> (signal.length - 1) & 1U) != 0)
    raw |= ~std::uint64_t{0} << signal.length;
  return raw;
}

frame_header extended(std::uint32_t id) {
  return pack({.id = id, .extended = true, .length = 8});
}

const std::string eec1 =
  "BO_ 2364540158 EEC1: 8 X\n SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] \"rpm\" X\n"
  "BA_DEF_ SG_ \"SPN\" INT 0 524287;\nBA_ \"SPN\" SG_ 2364540158 EngineSpeed 190;\n";

} // namespace

TEST_CASE("decode: a signal of any byte order and sign equals a bit by bit reference") {
  std::mt19937_64 random{1};
  for (int round = 0; round < 20'000; ++round) {
    dbc_file file;
    auto& message = file.messages.emplace_back();
    message.length = static_cast<std::uint32_t>(1 + random() % (round % 2 == 0 ? 8 : 40));
    bytes payload(message.length);
    for (auto& byte : payload)
      byte = static_cast<std::uint8_t>(random());
    auto& signal = message.signals.emplace_back();
    signal.is_signed = random() % 2 == 0;
    const auto bits = message.length * 8;
    signal.length = static_cast<std::uint32_t>(1 + random() % std::min<std::uint32_t>(64, bits));
    const auto from = static_cast<std::uint32_t>(random() % (bits - signal.length + 1));
    if (random() % 2 == 0) {
      signal.start = from;
    } else {
      signal.order = byte_order::motorola;
      signal.start = from / 8 * 8 + (7 - from % 8);
    }
    signal.scale = 0.5;
    signal.offset = -3;
    const auto plan = plan_of({&file});
    const auto out = decode(plan, payload);
    CAPTURE(signal.start);
    CAPTURE(signal.length);
    CAPTURE(message.length);
    REQUIRE(out.size() == 1);
    const auto want = slowly(payload, signal);
    REQUIRE(out[0].raw == want);
    const auto number = signal.is_signed ? static_cast<double>(static_cast<std::int64_t>(want))
                                         : static_cast<double>(want);
    REQUIRE(out[0].physical == number * 0.5 - 3);
    REQUIRE(out[0].state == signal_state::value);
  }
}

TEST_CASE("decode: a signal beyond the payload is left out, not zero") {
  const auto plan = plan_of(
    "BO_ 5 m: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] \"\" X\n SG_ b : 12|8@1+ (1,0) [0|0] \"\" X\n"
    " SG_ c : 63|8@0+ (1,0) [0|0] \"\" X\n");
  CHECK(names(plan, decode(plan, {1, 2, 3, 4, 5, 6, 7, 8})) == "a b c");
  CHECK(names(plan, decode(plan, {1, 2, 3})) == "a b");
  CHECK(names(plan, decode(plan, {1, 2})) == "a");
  CHECK(decode(plan, {}).empty());
}

TEST_CASE("decode: a buffer that is too small for the message gets nothing") {
  const auto plan = plan_of(
    "BO_ 5 m: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] \"\" X\n SG_ b : 8|8@1+ (1,0) [0|0] \"\" X\n");
  std::vector<decoded_signal> out(1);
  CHECK(plan.decode(plan.messages()[0], bytes(8), out) == 0);
}

TEST_CASE(
  "decode: under J1939 the PGN finds the message for any priority, source and destination") {
  // 0x98EAFFFE, a request to everyone: its PGN ends in zero, where the destination stands
  const auto plan =
    plan_of(eec1 + "BO_ 2565537790 request: 3 X\n SG_ pgn : 0|24@1+ (1,0) [0|0] \"\" X\n");
  REQUIRE(plan.find(extended(0x0CF00400)) != nullptr);
  CHECK(plan.find(extended(0x0CF00400))->name == "EEC1");
  CHECK(plan.find(extended(0x18F00417))->name == "EEC1");
  CHECK(plan.find(extended(0x18EF00FE)) == nullptr);
  CHECK(plan.find(extended(0x18EA2617))->name == "request");
  CHECK(plan.find_pgn(0xEA00, 0x17)->name == "request");
}

TEST_CASE("decode: outside J1939 the whole identifier and its width must match") {
  const auto plan = plan_of("BO_ 2147483749 wide: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] \"\" X\nBO_ 101 "
                            "narrow: 8 X\n SG_ b : 0|8@1+ (1,0) [0|0] \"\" X\n");
  CHECK(plan.find(extended(101))->name == "wide");
  CHECK(plan.find(pack({.id = 101, .length = 8}))->name == "narrow");
  CHECK(plan.find(extended(101 | 1U << 26U)) == nullptr);
  CHECK(plan.find(pack({.id = 101, .remote = true, .length = 8})) == nullptr);
  CHECK(plan.find(pack({.id = 101, .error = true, .length = 8})) == nullptr);
}

TEST_CASE("decode: of messages with one PGN the one with the frame's source is used, else the "
          "placeholder") {
  const std::string attribute = "BA_DEF_ BO_ \"VFrameFormat\" ENUM "
                                "\"StandardCAN\",\"ExtendedCAN\",\"reserved\",\"J1939PG\";\nBA_DEF_"
                                "DEF_ \"VFrameFormat\" \"J1939PG\";\n";
  const auto message = [](std::uint32_t id, const std::string& name) {
    return "BO_ " + std::to_string(id | 0x80000000U) + ' ' + name + ": 8 X\n";
  };
  const auto plan = plan_of(attribute + message(0x18FF0011, "from_11")
                            + message(0x18FF00FE, "from_any") + message(0x18FF0022, "from_22"));
  CHECK(plan.find(extended(0x18FF0011))->name == "from_11");
  CHECK(plan.find(extended(0x0CFF0022))->name == "from_22");
  CHECK(plan.find(extended(0x18FF0033))->name == "from_any");
  const auto two =
    plan_of(attribute + message(0x18FF0011, "from_11") + message(0x18FF0022, "from_22"));
  CHECK(two.find(extended(0x18FF0033))->name == "from_11");
}

TEST_CASE("decode: of files with the same message the first is used") {
  auto first = parse("BO_ 5 mine: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] \"\" X\n");
  auto second = parse("BO_ 5 theirs: 8 X\n SG_ a : 0|8@1+ (2,0) [0|0] \"\" X\nBO_ 6 other: 8 X\n");
  const auto plan = plan_of({&first, &second});
  CHECK(plan.find(pack({.id = 5}))->name == "mine");
  CHECK(plan.find(pack({.id = 6}))->name == "other");
  CHECK(plan.find(pack({.id = 6}))->file == 1);
}

TEST_CASE("decode: 0xFE00 is an error to J1939 and a number to NMEA 2000") {
  const std::string shape =
    " SG_ u : 0|16@1+ (1,0) [0|0] \"\" X\n SG_ s : 16|16@1- (1,0) [0|0] \"\" X\n"
    " SG_ two : 32|2@1+ (1,0) [0|0] \"\" X\n SG_ four : 36|4@1+ (1,0) [0|0] \"\" X\n";
  const auto states = [&](std::uint32_t id, const bytes& payload) {
    const auto plan = plan_of("BO_ " + std::to_string(id | 0x80000000U) + " m: 8 X\n" + shape);
    std::vector<signal_state> out;
    for (const auto& value : decode(plan, payload))
      out.push_back(value.state);
    return out;
  };
  using enum signal_state;
  using list = std::vector<signal_state>;
  constexpr std::uint32_t j1939 = 0x18FEF1FE;
  constexpr std::uint32_t nmea = 0x09F801FE;
  CHECK(states(j1939, {0x00, 0xFE, 0xFF, 0x7F, 0xE2}) == list{error, value, error, error});
  CHECK(states(nmea, {0x00, 0xFE, 0xFF, 0x7F, 0xE2})
        == list{value, not_available, value, out_of_range});
  CHECK(states(nmea, {0xFE, 0xFF, 0xFE, 0x7F, 0xF3})
        == list{out_of_range, out_of_range, not_available, not_available});
  CHECK(states(nmea, {0xFD, 0xFF, 0xFD, 0x7F, 0xD0}) == list{reserved, reserved, value, value});
  CHECK(states(nmea, {0xFC, 0xFF, 0xFF, 0xFF, 0x00}) == list{value, value, value, value});
  CHECK(states(j1939, {0xFF, 0xFA, 0xFF, 0xFF, 0xD1}) == list{value, value, value, value});
  CHECK(states(j1939, {0x00, 0xFB, 0xFF, 0xFF, 0xD1}) == list{specific, value, value, value});
  for (const std::uint8_t top : {0xFB, 0xFC, 0xFD})
    for (const std::uint8_t low : {0x00, 0xFF})
      CHECK(states(j1939, {low, top, 0xFF, 0xFF, 0xD1}) == list{specific, value, value, value});
  CHECK(states(0x12345, {0xFF, 0xFF, 0xFF, 0x7F, 0xFF})
        == list{value, value, value, value}); // no family
}

TEST_CASE("decode: a signal that is not available has its raw value and no number") {
  const auto plan = plan_of(eec1);
  const auto out = decode(plan, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF});
  REQUIRE(out.size() == 1);
  CHECK(out[0].raw == 65'535);
  CHECK(std::isnan(out[0].physical));
  CHECK(out[0].state == signal_state::not_available);
  CHECK(plan.signal_of(out[0]).spn == 190);
}

TEST_CASE("decode: floats of all widths; NaN is not available") {
  const auto plan =
    plan_of("BO_ 5 m: 64 X\n SG_ d : 0|64@1+ (1,0) [0|0] \"\" X\n SG_ f : 64|32@1+ (2,1) [0|0] "
            "\"\" X\n SG_ h : 103|16@0+ (1,0) [0|0] \"\" X\n"
            "SIG_VALTYPE_ 5 d : 2;\nSIG_VALTYPE_ 5 f : 1;\nSIG_VALTYPE_ 5 h : 1;\n");
  bytes payload(64);
  const double d = -1.5e300;
  const float f = 0.25F;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&d), 8, payload.begin());
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&f), 4, payload.begin() + 8);
  payload[12] = 0x35; // 0x3555 is 0.333251953125
  payload[13] = 0x55;
  auto out = decode(plan, payload);
  REQUIRE(out.size() == 3);
  CHECK(out[0].physical == d);
  CHECK(out[0].raw == std::bit_cast<std::uint64_t>(d));
  CHECK(out[1].physical == 1.5);
  CHECK(out[2].physical == 0.333251953125);
  payload[12] = 0x7E;
  out = decode(plan, payload);
  CHECK(out[2].state == signal_state::not_available);
  CHECK(std::isnan(out[2].physical));
}

TEST_CASE("decode: an unsigned signal of 64 bits keeps all of them") {
  const auto plan = plan_of("BO_ 5 m: 8 X\n SG_ u : 0|64@1+ (1,0) [0|0] \"\" X\n");
  const auto out = decode(plan, bytes(8, 0xFF));
  CHECK(out[0].raw == ~std::uint64_t{0});
  CHECK(out[0].physical == 18446744073709551616.0);
}

TEST_CASE("decode: only the selected branch is present, at any depth") {
  const auto plan = plan_of("BO_ 5 m: 8 X\n SG_ a M : 0|8@1+ (1,0) [0|0] \"\" X\n SG_ b m1M : "
                            "8|8@1- (1,0) [0|0] \"\" X\n SG_ c m2 : 8|8@1+ (1,0) [0|0] \"\" X\n"
                            " SG_ d m3 : 16|8@1+ (1,0) [0|0] \"\" X\n SG_ e m4 : 16|8@1+ (1,0) "
                            "[0|0] \"\" X\n SG_ f : 56|8@1+ (1,0) [0|0] \"\" X\n"
                            "SG_MUL_VAL_ 5 d b -2-3, 9-9;\nSG_MUL_VAL_ 5 e b 3-5;\n");
  CHECK(names(plan, decode(plan, {0, 0, 0, 0, 0, 0, 0, 0})) == "a f");
  CHECK(names(plan, decode(plan, {2, 0, 0, 0, 0, 0, 0, 0})) == "a f c");
  CHECK(names(plan, decode(plan, {1, 0xFE, 0, 0, 0, 0, 0, 0})) == "a f b d");
  CHECK(names(plan, decode(plan, {1, 9, 0, 0, 0, 0, 0, 0})) == "a f b d");
  CHECK(names(plan, decode(plan, {1, 3, 0, 0, 0, 0, 0, 0})) == "a f b d e");
  CHECK(names(plan, decode(plan, {1, 5, 0, 0, 0, 0, 0, 0})) == "a f b e");
  CHECK(names(plan, decode(plan, {1, 6, 0, 0, 0, 0, 0, 0})) == "a f b");
  CHECK(names(plan, decode(plan, {1, 5})) == "a b"); // a short frame
}

TEST_CASE("decode: labels belong to values, including negative ones") {
  const auto plan = plan_of("BO_ 5 m: 8 X\n SG_ s : 0|8@1- (1,0) [0|0] \"\" X\nVAL_ 5 s 3 "
                            "\"three\" -1 \"minus\" 3 \"again\" ;\n");
  CHECK(plan.label(decode(plan, {0xFF})[0]) == "minus");
  CHECK(plan.label(decode(plan, {3})[0]) == "three");
  CHECK(plan.label(decode(plan, {4})[0]).empty());
}

TEST_CASE("decode: messages longer than a frame decode from a reassembled payload") {
  const auto plan =
    plan_of("BO_ 2566841342 EC1: 1785 X\n SG_ first : 0|16@1+ (0.125,0) [0|0] \"\" X\n SG_ last : "
            "14272|8@1+ (1,0) [0|0] \"\" X\n SG_ odd : 8005|60@1+ (1,0) [0|0] \"\" X\n");
  bytes payload(1785, 0);
  payload[0] = 0x20;
  payload[1] = 0x1C;
  payload[1784] = 7;
  const auto* message = plan.find_pgn(65'251, 0);
  REQUIRE(message != nullptr);
  std::vector<decoded_signal> out(plan.signals_max());
  REQUIRE(plan.decode(*message, payload, out) == 3);
  CHECK(out[0].physical == 900);
  CHECK(out[1].physical == 7);
  CHECK(plan.find_pgn(0xFFFFFFFF, 0) == nullptr);
}

TEST_CASE("decode: factors of 0 and infinity, texts and signals without bits do no harm") {
  const auto plan = plan_of(
    "BO_ 5 m: 60000 X\n SG_ zero : 0|8@1+ (0,7) [0|0] \"\" X\n SG_ far : 0|8@1+ (1e999,0) [0|0] "
    "\"\" X\n SG_ none : 0|0@1+ (1,0) [0|0] \"\" X\n"
    " SG_ text : 0|8000@1+ (1,0) [0|0] \"\" X\n SG_ out : 900000000|8@1+ (1,0) [0|0] \"\" X\n");
  const auto out = decode(plan, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(names(plan, out) == "zero");
  CHECK(out[0].physical == 7);
}

TEST_CASE("decode: a whole number keeps all of its 64 bits") { // cantools issue 203
  const auto file =
    parse_dbc("BO_ 1 m: 8 X\n SG_ u : 0|64@1+ (1,0) [0|0] \"\" X\n"
              "BO_ 2 m2: 8 X\n SG_ s : 0|64@1- (1,0) [0|0] \"\" X\n"
              "BO_ 3 m3: 8 X\n SG_ t : 0|32@1- (3,-7) [0|0] \"\" X\n"
              "BO_ 4 m4: 8 X\n SG_ r : 0|32@1+ (0.5,0) [0|0] \"\" X\n"
              "BO_ 5 m5: 8 X\n SG_ big : 0|64@1+ (2,0) [0|0] \"\" X\n"
              "BO_ 6 m6: 8 X\n SG_ f : 0|64@1+ (1,0) [0|0] \"\" X\nSIG_VALTYPE_ 6 f : 2;\n"
              "BO_ 7 m7: 8 X\n SG_ down : 0|64@1+ (-1,0) [0|0] \"\" X\n",
              "a.dbc");
  REQUIRE(file);
  const dbc_file* files[] = {&*file};
  const auto plan = decode_plan::compile(files);
  REQUIRE(plan);
  const auto whole = [&](std::uint32_t id, std::uint64_t raw) {
    std::array<std::uint8_t, 8> payload{};
    std::memcpy(payload.data(), &raw, 8);
    std::array<decoded_signal, 1> out;
    REQUIRE(plan->decode(*plan->find(pack({.id = id, .length = 8})), payload, out) == 1);
    return whole_value(plan->signal_of(out[0]), out[0]);
  };
  CHECK(whole(1, 18446744073709551613U) == whole_number{false, 18446744073709551613U});
  CHECK(whole(2, 1ULL << 63U | 1U) == whole_number{true, 9223372036854775807U});
  CHECK(whole(2, 1ULL << 63U) == whole_number{true, 1ULL << 63U});
  CHECK(whole(3, 0xFFFFFFFFU) == whole_number{true, 10});
  CHECK(whole(7, ~std::uint64_t{0}) == whole_number{true, ~std::uint64_t{0}});
  const auto beyond = [&](std::uint64_t raw) {
    const decoded_signal value{raw, static_cast<double>(raw), 0, signal_state::value};
    return beyond_double(plan->signals()[0], value);
  };
  CHECK_FALSE(beyond((1ULL << 53U) - 1)); // the double has all digits
  CHECK(beyond((1ULL << 53U) + 1) == whole_number{false, (1ULL << 53U) + 1});
  CHECK_FALSE(beyond_double(plan->signals()[0], {0, std::nan(""), 0, signal_state::error}));
  // Ordered as the numbers are.
  CHECK(whole_number{true, 2} < whole_number{true, 1});
  CHECK(whole_number{true, 1} < whole_number{false, 0});
  CHECK(whole_number{false, 1} < whole_number{false, 2});
  CHECK_FALSE(whole(4, 3));                   // 1.5
  CHECK_FALSE(whole(5, ~std::uint64_t{0}));   // 65 bits
  CHECK_FALSE(whole(6, 0x3FF0000000000000U)); // 1.0, a float
}
