#include "actors/log/lines.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace furrow;

namespace {

log::line example() {
  log::line shown;
  shown.time_us = 1'774'000'000'123'456;
  shown.how = log::level::warning;
  shown.from = log::gateway;
  shown.event = "gateway_rejected";
  shown.node = "n1";
  shown.what = {.farm = "hill",
                .equipment = "T 1",
                .peer = "127.0.0.1:40000",
                .error = "unknown \"token\"",
                .count = 3};
  shown.message = "gateway hill/T 1: rejected";
  return shown;
}

} // namespace

TEST_CASE("log lines: text has time, level and message; the journal gets the priority") {
  const auto shown = example();
  CHECK(log::to_text(shown, log::line_format::text)
        == "2026-03-20T09:46:40.123Z warning gateway hill/T 1: rejected");
  CHECK(log::to_text(shown, log::line_format::terminal)
        == "2026-03-20T09:46:40.123Z \x1b[33;1mwarning\x1b[m gateway hill/T 1: rejected");
  CHECK(log::to_text(shown, log::line_format::journal) == "<4>warning gateway hill/T 1: rejected");
}

TEST_CASE("log lines: the journal's priorities are those of syslog") {
  auto shown = example();
  std::string priorities;
  for (const auto how : {log::level::debug, log::level::info, log::level::warning,
                         log::level::error, log::level::critical}) {
    shown.how = how;
    priorities += log::to_text(shown, log::line_format::journal).substr(0, 3);
  }
  CHECK(priorities == "<7><6><4><3><2>");
}

TEST_CASE("log lines: logfmt and JSON have the same fields in the same order") {
  const auto shown = example();
  CHECK(log::to_text(shown, log::line_format::logfmt)
        == "time=2026-03-20T09:46:40.123Z level=warning module=gateway event=gateway_rejected "
           "node=n1 farm=hill equipment=\"T 1\" peer=127.0.0.1:40000 error=\"unknown "
           "\\\"token\\\"\" count=3 msg=\"gateway hill/T 1: rejected\"");
  CHECK(log::to_text(shown, log::line_format::json)
        == "{\"time\":\"2026-03-20T09:46:40.123Z\",\"level\":\"warning\",\"module\":\"gateway\","
           "\"event\":\"gateway_rejected\",\"node\":\"n1\",\"farm\":\"hill\",\"equipment\":\"T 1\","
           "\"peer\":\"127.0.0.1:40000\",\"error\":\"unknown \\\"token\\\"\",\"count\":3,"
           "\"msg\":\"gateway hill/T 1: rejected\"}");
}

TEST_CASE("log lines: fields without a value are left out, a count of zero is not") {
  auto shown = example();
  shown.node = {};
  shown.what = {};
  CHECK(log::to_text(shown, log::line_format::logfmt)
        == "time=2026-03-20T09:46:40.123Z level=warning module=gateway event=gateway_rejected "
           "msg=\"gateway hill/T 1: rejected\"");
  shown.what.count = 0;
  CHECK(nlohmann::json::parse(log::to_text(shown, log::line_format::json)).at("count") == 0);
}

TEST_CASE("log lines: no text forges a line, moves a cursor or turns the direction") {
  auto shown = example();
  const std::string evil =
    "a\nlevel=critical\r\tb\x1b[2J\x7F\xC2\x9B\xE2\x80\xAE\xE2\x80\xA8\xFF=c d";
  shown.message = evil;
  shown.what.equipment = evil;
  shown.event = "x";
  for (const auto how :
       {log::line_format::text, log::line_format::terminal, log::line_format::journal,
        log::line_format::logfmt, log::line_format::json}) {
    const auto text = log::to_text(shown, how);
    CAPTURE(text);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find("\x1b[2J") == std::string::npos);
    CHECK(text.find('\x7F') == std::string::npos);
    CHECK(text.find("\xC2\x9B") == std::string::npos);
    CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
    CHECK(text.find("\xE2\x80\xA8") == std::string::npos);
    CHECK(text.find('\xFF') == std::string::npos);
  }
  CHECK(log::to_text(shown, log::line_format::text)
        == "2026-03-20T09:46:40.123Z warning a level=critical  b?[2J????\xEF\xBF\xBD=c d");
  const auto json = nlohmann::json::parse(log::to_text(shown, log::line_format::json));
  CHECK(json.at("equipment") == "a\nlevel=critical\r\tb\x1b[2J????\xEF\xBF\xBD=c d");
  CHECK(log::to_text(shown, log::line_format::logfmt)
          .find("equipment=\"a\\nlevel=critical\\r\\tb\\u001b[2J????\xEF\xBF\xBD=c d\" peer=")
        != std::string::npos);
}
