#include "storage/retention.hpp"

#include "storage/identity/identities.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/json/rfc3339.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::uint32_t steps_a_call = 64; // steps per call
constexpr std::chrono::minutes call_timeout{30};

struct retention_options {
  std::string url;
  std::string farm;
  std::string kind;
  std::string keep;
  bool yes = false;
};

struct audit_text {
  const char* action;
  std::string object;
  std::string detail;
};

/// "frames of north", "records of every farm without a rule of its own".
std::string object_of(const retention_options& options) {
  return options.kind + " of "
         + (options.farm.empty() ? "every farm without a rule of its own" : options.farm);
}

/// Parses `90d` or `90` as days. The optional is empty for "forever".
result<std::optional<std::uint32_t>> parse_keep(std::string_view text) {
  if (text == "forever")
    return std::optional<std::uint32_t>{};
  if (text.ends_with('d'))
    text.remove_suffix(1);
  std::uint32_t days = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, days);
  if (error != std::errc{} || at != end || days == 0 || days > storage::keep_days_max)
    return failure{errc::usage, "--keep must be days (1d to 36500d) or forever"};
  return std::optional{days};
}

result<int> list_rules(const globals& globals, const retention_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto rules = wait_for<std::vector<storage::retention_rule>>(
    [&](auto done) { (*store)->retention()->list_retention(std::move(done)); }, options.url,
    globals.timeout());
  if (!rules)
    return rules.error();
  json rows = json::array();
  table shown{{"FARM", "KIND", "KEEP"}, {}, "there is no rule: everything is kept forever"};
  for (const auto& rule : *rules) {
    rows.push_back({{"farm", rule.farm.empty() ? json(nullptr) : json(rule.farm)},
                    {"kind", storage::to_string(rule.kind)},
                    {"keep_days", rule.keep_days ? json(*rule.keep_days) : json(nullptr)}});
    shown.rows.push_back({{rule.farm.empty() ? "(every other)" : printable(rule.farm)},
                          {std::string{storage::to_string(rule.kind)}},
                          {rule.keep_days ? fmt::format("{} days", *rule.keep_days) : "forever"}});
  }
  const auto printed = print(rows, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

json to_json(const storage::retention_preview& found) {
  json losses = json::array();
  for (const auto& loss : found.losses)
    losses.push_back({{"farm", loss.farm},
                      {"kind", storage::to_string(loss.kind)},
                      {"cutoff", json_rows::format_time(loss.cutoff_us)},
                      {"items", loss.items},
                      {"rows", loss.rows},
                      {"bytes", loss.bytes},
                      {"oldest", json_rows::format_time(loss.oldest_us)},
                      {"newest", json_rows::format_time(loss.newest_us)}});
  return {{"losses", losses}, {"partitions", found.partitions}};
}

table losses_table(const json& losses) {
  table shown{{"FARM", "KIND", "OLDER THAN", "ITEMS", "ROWS", "BYTES", "FROM", "TO"},
              {},
              "nothing would be removed now"};
  for (const auto& row : losses)
    shown.rows.push_back({value_cell(row.at("farm")), value_cell(row.at("kind")),
                          value_cell(row.at("cutoff")), number_cell(row.at("items")),
                          number_cell(row.at("rows")), number_cell(row.at("bytes")),
                          value_cell(row.at("oldest")), value_cell(row.at("newest"))});
  return shown;
}

result<int> preview(const globals& globals, const retention_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto found = wait_for<storage::retention_preview>(
    [&](auto done) { (*store)->retention()->preview_retention(std::nullopt, std::move(done)); },
    options.url, std::max<std::chrono::milliseconds>(globals.timeout(), call_timeout));
  if (!found)
    return found.error();
  const auto answer = to_json(*found);
  const auto printed = print(answer, losses_table(answer.at("losses")), globals.format());
  if (!printed)
    return printed.error();
  if (globals.for_people() && !found->losses.empty())
    fmt::print(stderr, "furrow: {} whole partitions would be dropped; nothing was changed\n",
               found->partitions.size());
  return 0;
}

std::string keep_text(const std::optional<std::uint32_t>& days) {
  return days ? fmt::format("{} days", *days) : "forever";
}

result<done> note(storage::store& store,
                  const retention_options& options,
                  audit_text text,
                  const globals& globals) {
  return wait_for<done>(
    [&](auto done) {
      storage::audit_of(store)->note({0, person(), text.action, text.object, text.detail},
                                     std::move(done));
    },
    options.url, globals.timeout());
}

/// Shows what the rule would remove and asks, if it would remove something now.
result<bool> wanted(storage::store& store,
                    const storage::retention_rule& rule,
                    const retention_options& options,
                    const globals& globals) {
  if (!rule.keep_days)
    return true; // removes nothing, ever
  const auto found = wait_for<storage::retention_preview>(
    [&](auto done) { store.retention()->preview_rule(rule, std::move(done)); }, options.url,
    std::max<std::chrono::milliseconds>(globals.timeout(), call_timeout));
  if (!found)
    return found.error();
  auto losses = *found;
  std::erase_if(losses.losses, [&](const auto& loss) { return loss.kind != rule.kind; });
  if (losses.losses.empty())
    return true;
  const auto answer = to_json(losses);
  const auto shown = print(answer, losses_table(answer.at("losses")), globals.format());
  if (!shown)
    return shown.error();
  std::uint64_t rows = 0;
  for (const auto& loss : losses.losses)
    rows += loss.rows;
  return confirmed(fmt::format("nodes would remove these {} rows of {} for good within minutes.",
                               rows, options.kind),
                   options.yes);
}

result<int> set(const globals& globals, const retention_options& options) {
  const auto keep = parse_keep(options.keep);
  if (!keep)
    return keep.error();
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const storage::retention_rule rule{options.farm, *storage::data_kind_of(options.kind), *keep};
  const auto go_on = wanted(**store, rule, options, globals);
  if (!go_on || !*go_on)
    return go_on ? result<int>{static_cast<int>(errc::failed)} : go_on.error();
  const auto set =
    wait_for<done>([&](auto done) { (*store)->retention()->set_retention(rule, std::move(done)); },
                   options.url, globals.timeout());
  if (!set)
    return set.error();
  const auto noted = note(
    **store, options, {"retention set", object_of(options), "keep " + keep_text(*keep)}, globals);
  if (!noted)
    return noted.error();
  fmt::print(stderr, "furrow: {}: keep {}\n", object_of(options), keep_text(*keep));
  return 0;
}

result<int> clear(const globals& globals, const retention_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto kind = *storage::data_kind_of(options.kind);
  const auto cleared = wait_for<done>(
    [&](auto done) { (*store)->retention()->clear_retention(options.farm, kind, std::move(done)); },
    options.url, globals.timeout());
  if (!cleared)
    return cleared.error();
  const auto noted = note(**store, options, {"retention clear", object_of(options), ""}, globals);
  if (!noted)
    return noted.error();
  fmt::print(stderr, "furrow: {}: the rule is cleared\n", object_of(options));
  return 0;
}

result<int> run(const globals& globals, const retention_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  storage::expire_outcome total;
  for (bool more = true; more;) {
    storage::expire_request request;
    request.steps_max = steps_a_call;
    const auto part = wait_for<storage::expire_outcome>(
      [&](auto done) { (*store)->retention()->expire(request, std::move(done)); }, options.url,
      call_timeout);
    if (!part)
      return part.error();
    total.partitions += part->partitions;
    total.frames += part->frames;
    total.records += part->records;
    total.telemetry += part->telemetry;
    total.rollup += part->rollup;
    total.faults += part->faults;
    total.waiting = part->waiting;
    total.busy = part->busy;
    more = part->more;
  }
  const json answer{
    {"partitions", total.partitions},     {"frames", total.frames}, {"records", total.records},
    {"telemetry", total.telemetry},       {"rollup", total.rollup}, {"faults", total.faults},
    {"partitions_in_use", total.waiting}, {"busy", total.busy}};
  const table shown{{"PARTITIONS", "FRAMES", "RECORDS", "TELEMETRY", "ROLLUP", "FAULTS"},
                    {{number_cell(answer.at("partitions")), number_cell(answer.at("frames")),
                      number_cell(answer.at("records")), number_cell(answer.at("telemetry")),
                      number_cell(answer.at("rollup")), number_cell(answer.at("faults"))}}};
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  if (total.busy)
    return failure{errc::failed,
                   "another process runs retention or partitions now: try again later"};
  return 0;
}

using command_function = result<int> (*)(const globals&, const retention_options&);

} // namespace

void add_retention(CLI::App& app, const globals& globals, int& exit_code) {
  auto* group = app.add_subcommand("retention", "set how long each farm keeps its data");
  group->require_subcommand(1);
  auto options = std::make_shared<retention_options>();
  const auto add = [&](const char* name, const char* what, command_function function) {
    auto* command = group->add_subcommand(name, what);
    const auto* url = add_database_option(*command)->required();
    const auto plan =
      function == list_rules ? add_watch_plan(*command) : std::make_shared<watch_plan>();
    command->callback([&globals, &exit_code, options, function, url, plan] {
      options->url = url_of(url);
      exit_code = run_rounds(globals, *plan, [&] { return function(globals, *options); });
    });
    return command;
  };
  const auto add_which = [&](CLI::App* command) {
    command->add_option("--farm", options->farm,
                        "farm of the rule; default: every farm without a rule");
    command
      ->add_option(
        "--kind", options->kind,
        "kind of data: frames, records, telemetry, telemetry_10s, telemetry_1m or rollup")
      ->required()
      ->check(CLI::IsMember({"frames", "records", "telemetry", "rollup", "sensor", "yield",
                             "tokens", "fault", "other", "telemetry_10s", "telemetry_1m"}));
  };
  add("list", "list the rules", list_rules)
    ->footer("Example:\n  furrow retention list --database postgresql://furrow@localhost/furrow");
  auto* setting = add("set", "set a rule", set);
  add_which(setting);
  setting
    ->add_option("--keep", options->keep, "how long to keep the data: days, as 90d, or forever")
    ->required();
  setting->add_flag("--yes", options->yes, "do not ask");
  setting->footer(
    "The command shows what the rule would remove now, and asks. "
    "Nodes apply the rule at their next check (furrowd --care-interval). `furrow "
    "db audit` shows who set it.\n"
    "Examples:\n"
    "  furrow retention set --kind frames --keep 730d --database URL\n"
    "  furrow retention set --farm north --kind frames --keep forever --database URL");
  auto* clearing = add("clear", "remove a rule", clear);
  add_which(clearing);
  clearing->footer("Example:\n  furrow retention clear --farm north --kind frames --database URL");
  add("preview", "show what would be removed now; change nothing", preview)
    ->footer("Example:\n  furrow retention preview --database URL -o json");
  add("run", "apply the rules now", run)
    ->footer("The command may be interrupted at any time: each step is a transaction.\n"
             "Example:\n  furrow retention run --database URL");
}

} // namespace furrow::cli
