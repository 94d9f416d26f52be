#include "tools/furrow/logs/names.hpp"

#include "can/frame/identifier.hpp"
#include "can/isobus/address_table.hpp"
#include "can/logs/bus_table.hpp"
#include "can/logs/log_format.hpp"
#include "can/text/time.hpp"
#include "can/transport/transport.hpp"
#include "tools/furrow/logs/columns.hpp"
#include "tools/furrow/logs/log_input.hpp"
#include "tools/logs/time_options.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

using json = nlohmann::ordered_json;

/// From this second on, a time is a date: 1980, far more than a log counts from its own start.
constexpr std::int64_t first_date_us = 315'532'800'000'000;

struct heard_address {
  std::uint64_t frames = 0;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
};

/// What a log says about its ECUs.
struct bus_census {
  can::address_table ecus;
  can::bus_table buses;
  can::reassembler whole;
  std::map<std::pair<std::uint8_t, std::uint8_t>, heard_address> heard; // at most 256 x 256
  std::int64_t last_us = 0;
  std::uint64_t faults = 0;
  std::string first_fault;

  void take(const can::frame_view& frame) {
    last_us = frame.time_us;
    ecus.update(frame);
    if (const auto message = whole.feed(frame);
        message && message->pgn == can::pgn_commanded_address)
      ecus.command(message->bus, message->data);
    const auto header = frame.header;
    if (!header.extended() || header.error())
      return;
    auto& one = heard[{header.bus(), can::source_of(header.id())}];
    if (one.frames++ == 0)
      one.first_us = frame.time_us;
    one.last_us = frame.time_us;
  }
};

void take_line(bus_census& census,
               log_input& input,
               const can::log_line& line,
               const can::log_payload& payload) {
  const auto fault = [&](const std::string& why) {
    if (census.faults++ == 0)
      census.first_fault =
        std::to_string(input.reader().line()) + ":" + std::to_string(line.column) + ": " + why;
  };
  switch (line.kind) {
  case can::line_kind::frame: {
    const auto bus = census.buses.bus_of(line.interface);
    if (!bus) {
      input.refuse();
      return fault(can::bus_table::refusal(line.interface));
    }
    census.take({line.time_us, {line.header.bits | std::uint64_t{*bus} << 32U}, payload.data()});
    return;
  }
  case can::line_kind::message:
    if (const auto bus = census.buses.bus_of(line.interface);
        bus && line.message.pgn == can::pgn_commanded_address)
      census.ecus.command(*bus, {payload.data(), line.message.length});
    return;
  case can::line_kind::fault:
    return fault(line.fault);
  case can::line_kind::nothing:
  case can::line_kind::dropped:
    return;
  }
}

void read_all(log_input& input, bus_census& census) {
  can::log_line line;
  const auto payload = std::make_unique<can::log_payload>();
  for (auto had = input.next(line, *payload); had != log_input::had::end;
       had = input.next(line, *payload))
    if (had == log_input::had::line)
      take_line(census, input, line, *payload);
  census.ecus.settle(census.last_us);
}

/// The addresses that sent frames and that no ECU ever claimed.
std::vector<std::pair<std::pair<std::uint8_t, std::uint8_t>, heard_address>>
unnamed_of(const bus_census& census) {
  std::vector<std::pair<std::pair<std::uint8_t, std::uint8_t>, heard_address>> out;
  const auto spans = census.ecus.spans();
  for (const auto& one : census.heard) {
    const auto& who = one.first;
    const bool named = std::any_of(spans.begin(), spans.end(), [&](const can::address_span& span) {
      return span.bus == who.first && span.address == who.second;
    });
    if (!named && who.second < can::address_null)
      out.emplace_back(who, one.second);
  }
  return out;
}

double seconds(std::int64_t time_us) {
  return static_cast<double>(time_us) / 1e6;
}

std::string time_text(std::int64_t time_us) {
  if (time_us == can::address_table::lasting)
    return "-";
  if (time_us >= first_date_us)
    return can::text::format_time(time_us);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.6f", seconds(time_us));
  return text.data();
}

json object_of(const can::ecu& ecu,
               const bus_census& census,
               const std::vector<can::address_span>& spans) {
  json one;
  const auto name = ecu.name;
  one["bus"] = census.buses.name_of(ecu.bus);
  one["name"] = can::to_string(name);
  one["address"] = ecu.address ? json(*ecu.address) : json(nullptr);
  one["cannot_claim"] = ecu.cannot_claim;
  one["identity"] = name.identity();
  one["manufacturer"] = name.manufacturer();
  one["ecu_instance"] = name.ecu_instance();
  one["function_instance"] = name.function_instance();
  one["function"] = name.function();
  one["device_class"] = name.device_class();
  one["device_class_instance"] = name.device_class_instance();
  one["industry_group"] = name.industry_group();
  one["arbitrary_address_capable"] = name.arbitrary_address_capable();
  one["function_text"] = can::function_word(name);
  one["device_class_text"] = can::device_class_word(name);
  one["industry_group_text"] = can::industry_group_word(name);
  one["claims"] = ecu.claims;
  one["first_claim"] = seconds(ecu.first_claim_us);
  one["last_claim"] = seconds(ecu.last_claim_us);
  one["commanded_address"] = ecu.commanded_address ? json(*ecu.commanded_address) : json(nullptr);
  one["addresses"] = json::array();
  for (const auto& span : spans)
    if (span.bus == ecu.bus && span.name == name)
      one["addresses"].push_back(
        {{"address", span.address},
         {"from", seconds(span.from_us)},
         {"until", span.until_us == can::address_table::lasting ? json(nullptr)
                                                                : json(seconds(span.until_us))}});
  return one;
}

void print_json(std::ostream& out, const bus_census& census, bool unnamed) {
  auto all = json::array();
  const auto spans = census.ecus.spans();
  for (const auto& ecu : census.ecus.ecus())
    all.push_back(object_of(ecu, census, spans));
  if (unnamed)
    for (const auto& [who, what] : unnamed_of(census))
      all.push_back({{"bus", census.buses.name_of(who.first)},
                     {"name", nullptr},
                     {"address", who.second},
                     {"frames", what.frames},
                     {"first_frame", seconds(what.first_us)},
                     {"last_frame", seconds(what.last_us)}});
  out << all.dump(2) << '\n';
}

using row = std::array<std::string, 9>;

std::string word_or_number(std::string_view word, std::uint32_t number) {
  return word.empty() ? std::to_string(number) : std::string{word};
}

row row_of(const bus_census& census, const can::ecu& ecu) {
  const auto name = ecu.name;
  return {std::string{census.buses.name_of(ecu.bus)},
          ecu.cannot_claim ? "none" : "-",
          can::to_string(name),
          std::to_string(name.manufacturer()),
          word_or_number(can::function_word(name), name.function()),
          word_or_number(can::device_class_word(name), name.device_class()),
          std::to_string(name.identity()),
          time_text(ecu.first_claim_us),
          "-"};
}

void print_table(std::ostream& out, const bus_census& census, bool unnamed) {
  std::vector<row> rows{
    {"BUS", "ADDRESS", "NAME", "MAKER", "FUNCTION", "CLASS", "IDENTITY", "FROM", "UNTIL"}};
  const auto spans = census.ecus.spans();
  for (const auto& ecu : census.ecus.ecus()) {
    auto one = row_of(census, ecu);
    bool any = false;
    for (const auto& span : spans) {
      if (span.bus != ecu.bus || span.name != ecu.name)
        continue;
      one[1] = std::to_string(span.address);
      one[7] = time_text(span.from_us);
      one[8] = time_text(span.until_us);
      rows.push_back(one);
      any = true;
    }
    if (!any || ecu.cannot_claim) {
      one[1] = "none";
      one[7] = time_text(ecu.last_claim_us);
      one[8] = "-";
      rows.push_back(one);
    }
  }
  if (unnamed)
    for (const auto& [who, what] : unnamed_of(census))
      rows.push_back({std::string{census.buses.name_of(who.first)}, std::to_string(who.second), "-",
                      "-", "-", "-", "-", time_text(what.first_us), time_text(what.last_us)});
  std::array<std::size_t, 9> widths{};
  for (const auto& one : rows)
    for (std::size_t i = 0; i < one.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(one[i]));
  for (const auto& one : rows) {
    for (std::size_t i = 0; i < one.size(); ++i)
      out << one[i]
          << (i + 1 < one.size() ? std::string(widths[i] - columns_of(one[i]) + 2, ' ') : "\n");
  }
}

} // namespace

int print_names(std::istream& in,
                std::ostream& out,
                std::ostream& problems,
                names_options options) {
  const auto census = std::make_unique<bus_census>();
  options.times.warn = [&](const std::string& text) {
    problems << "furrow names: " << text << '\n';
  };
  log_input input{in, std::move(options.times)};
  read_all(input, *census);
  if (census->faults != 0)
    problems << "furrow names: " << census->first_fault
             << " (lines that cannot be read: " << census->faults << ")\n";
  if (!input.trouble().empty())
    problems << "furrow names: cannot read the input to its end: " << input.trouble() << '\n';
  if (input.tally().read == 0) {
    problems << "furrow names: the input has no frame\n";
    return 1;
  }
  if (options.json)
    print_json(out, *census, options.unnamed);
  else
    print_table(out, *census, options.unnamed);
  out.flush();
  return out.good() && !input.unreadable() && input.trouble().empty() ? 0 : 1;
}

void add_names(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
    "names", "list the ECUs of a log (standard input): their NAMEs, and their addresses over time");
  const auto output = std::make_shared<std::string>("table");
  const auto unnamed = std::make_shared<bool>(false);
  command->add_option("-o,--output", *output, "table or json")
    ->check(CLI::IsMember({"table", "json"}))
    ->capture_default_str();
  command->add_flag("--unnamed", *unnamed,
                    "also list addresses that sent frames and were never claimed");
  const auto times = std::make_shared<logs::time_options>();
  logs::add_time_options(*command, *times);
  command->footer(
    "The log may be packed with gzip or zstd. Exit code 1 if nothing or more than 1 % "
    "of its lines could not be read.\n"
    "Example: furrow names --unnamed < tractor.log.gz");
  command->callback([output, unnamed, times, &exit_code] {
    auto log_times = logs::times_of(*times);
    if (!log_times)
      throw CLI::ValidationError(log_times.error().detail);
    std::ios::sync_with_stdio(false);
    exit_code = print_names(std::cin, std::cout, std::cerr,
                            {*output == "json", *unnamed, std::move(*log_times)});
  });
}

} // namespace furrow::cli
