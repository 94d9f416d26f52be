#include "tools/furrow/ask/frame_printer.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/time_option.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <memory>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct frames_options {
  std::string equipment;
  std::string from;
  std::string to;
  std::string can_id;
  std::string pgn;
  std::string format;
  std::size_t last = 0; // 0: all
};

result<int> frames(const globals& globals, const frames_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto output = wanted.format.empty() ? globals.output : wanted.format;
  const auto form = output == "table"  ? frame_form::table
                    : output == "wide" ? frame_form::wide
                    : output == "json" ? frame_form::json
                                       : frame_form::as_sent;
  const std::string format = form != frame_form::as_sent ? "jsonl"
                             : output.empty()            ? "candump"
                                                         : output;
  auto target = "/api/v1/frames?equipment=" + encoded(wanted.equipment) + "&format=" + format;
  const auto add = [&target](const char* name, const std::string& value) {
    if (!value.empty())
      target += std::string{"&"} + name + "=" + encoded(value);
  };
  add("from", wanted.from);
  add("to", wanted.to);
  add("can_id", wanted.can_id);
  add("pgn", wanted.pgn);
  if (wanted.last > 0)
    target = "/api/v1/equipment/" + encoded(wanted.equipment)
             + "/frames?last=" + std::to_string(wanted.last) + "&format=" + format;
  frame_printer printer{form};
  const auto ended =
    client->stream(target, [&printer](std::string_view piece) { return printer.take(piece); });
  if (ended)
    printer.finish();
  const auto all_written = written();
  if (!all_written)
    return all_written.error();
  if (!ended)
    return ended.error();
  const std::uint64_t lines_before = format == "csv" ? 1 : 0;
  if (printer.frames() == lines_before && form != frame_form::json)
    fmt::print(stderr, "furrow: there are no such frames of {}\n", printable(wanted.equipment));
  return 0;
}

} // namespace

void add_frames(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("frames", "print stored CAN frames in the order of their recording");
  auto wanted = std::make_shared<frames_options>();
  command->add_option("EQUIPMENT", wanted->equipment, "name of the machine")->required();
  auto* last = command->add_option("--last", wanted->last, "print only the newest N frames")
                 ->check(CLI::Range(1, 10'000));
  add_time_option(*command, "--from", wanted->from, first_time_help)->excludes(last);
  add_time_option(*command, "--to", wanted->to, last_time_help)->excludes(last);
  command
    ->add_option("--can-id", wanted->can_id, "identifier in hex; more than 3 digits mean 29 bits")
    ->excludes(last);
  command->add_option("--pgn", wanted->pgn, "parameter group number, as 65265 or 0xFEF1")
    ->excludes(last);
  command
    ->add_option(
      "-o,--output", wanted->format,
      "candump (default), asc (Vector), trc (PEAK, 2.1), jsonl, json, csv, table or wide")
    ->check(CLI::IsMember({"candump", "asc", "trc", "jsonl", "json", "csv", "table", "wide"}));
  command->footer(
    "The text has the form of candump -L, byte for byte the log that was sent.\n"
    "ASC and TRC cannot express CAN XL frames: a comment at the end says how many are left out.\n"
    "Examples:\n"
    "  furrow frames T1 > out.log\n"
    "  furrow frames T1 --from today -o asc > T1.asc\n"
    "  furrow frames T1 --last 20 -o wide   (with the names of messages)\n"
    "  furrow frames T1 --from 2026-05-01T06:00:00Z --pgn 65265 -o jsonl | jq .payload");
  command->callback(
    [&globals, &exit_code, wanted] { exit_code = code_of(frames(globals, *wanted)); });
}

} // namespace furrow::cli
