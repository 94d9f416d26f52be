#include "storage/sealing.hpp"
#include "storage/store.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::uint32_t chunks_a_call = 8; // between two lines of progress
constexpr std::chrono::minutes seal_timeout{10};

struct seal_options {
  std::string url;
  std::string equipment; // NAME or FARM/NAME
  bool all = false;
};

result<storage::seal_outcome>
seal_some(storage::seal_store& to, const storage::seal_request& request, const std::string& url) {
  // The handler may run after the wait has ended.
  auto promised = std::make_shared<std::promise<storage::result<storage::seal_outcome>>>();
  auto coming = promised->get_future();
  to.seal(request, [promised](storage::result<storage::seal_outcome> answer) {
    promised->set_value(std::move(answer));
  });
  if (coming.wait_for(seal_timeout) != std::future_status::ready)
    return failure{errc::timed_out, storage::redacted(url) + " did not answer in time"};
  auto answer = coming.get();
  if (answer)
    return *answer;
  const auto code =
    answer.code() == storage::errc::retry_later ? errc::cannot_connect : errc::failed;
  return failure{code, fmt::format("{}: {}", storage::redacted(url), answer.error().detail)};
}

result<int> seal(const globals& globals, const seal_options& options) {
  const auto opened = open_directly(options.url);
  if (!opened)
    return opened.error();
  auto* const sealing = (*opened)->sealing();
  if (sealing == nullptr)
    return failure{errc::failed,
                   fmt::format("{}: this database has no sealed tier: sealing needs PostgreSQL",
                               storage::redacted(options.url))};
  storage::seal_request request;
  const auto slash = options.equipment.find('/');
  request.farm = slash == std::string::npos ? "" : options.equipment.substr(0, slash);
  request.equipment =
    slash == std::string::npos ? options.equipment : options.equipment.substr(slash + 1);
  request.due_after = {};
  request.chunks_max = chunks_a_call;
  storage::seal_outcome total;
  for (bool more = true; more;) {
    const auto part = seal_some(*sealing, request, options.url);
    if (!part)
      return part.error();
    total.chunks += part->chunks;
    total.frames += part->frames;
    total.segments += part->segments;
    total.busy = part->busy;
    more = part->more;
    if (::isatty(STDERR_FILENO) != 0)
      fmt::print(stderr, "\r{} frames in {} chunks{}", total.frames, total.chunks,
                 more ? " ..." : "    \n");
  }
  const json answer{{"chunks", total.chunks},
                    {"frames", total.frames},
                    {"segments", total.segments},
                    {"streams_busy", total.busy}};
  const table shown{{"CHUNKS", "FRAMES", "SEGMENTS", "STREAMS BUSY"},
                    {{number_cell(answer.at("chunks")), number_cell(answer.at("frames")),
                      number_cell(answer.at("segments")), number_cell(answer.at("streams_busy"))}}};
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

} // namespace

void add_seal(CLI::App& database, const globals& globals, int& exit_code) {
  auto* command =
    database.add_subcommand("seal", "seal fresh frames into segments now (PostgreSQL)");
  auto options = std::make_shared<seal_options>();
  const auto* url = add_database_option(*command, "postgresql://...")->required();
  auto* which = command->add_option_group("which machines");
  which->add_option("--equipment", options->equipment, "only this machine: NAME or FARM/NAME");
  which->add_flag("--all", options->all, "all machines");
  which->require_option(1);
  command->footer(
    "Nodes seal by themselves (furrowd --seal-after). The command may be interrupted at any time: "
    "sealed chunks stay sealed, and nothing is lost.\n"
    "Examples:\n"
    "  furrow db seal --database postgresql://furrow@localhost/furrow --all\n"
    "  furrow db seal --database postgresql://furrow@localhost/furrow --equipment T1");
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(seal(globals, *options));
  });
}

} // namespace furrow::cli
