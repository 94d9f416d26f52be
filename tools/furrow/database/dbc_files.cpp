#include "storage/dbc/dbc_files.hpp"

#include "can/dbc/difference.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/list_wish.hpp"
#include "tools/furrow/logs/dbc.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/json/dbc_json.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <sstream>
#include <string_view>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct dbc_file_options {
  std::string url;
  std::vector<std::string> which; // ids, or files for diff
  bool raw = false;
  bool yes = false;
  std::shared_ptr<list_wish> wish; // of the list
};

constexpr std::array<std::string_view, 6> dbc_keys{"id",     "name",    "for",
                                                   "active", "version", "loaded"};

std::optional<std::int32_t> dbc_id_of(const std::string& text) {
  std::int32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc{} && end == text.data() + text.size() && id > 0 ? std::optional{id}
                                                                            : std::nullopt;
}

result<std::int32_t> needed_id(const std::string& text) {
  const auto id = dbc_id_of(text);
  if (!id)
    return failure{errc::usage,
                   fmt::format("\"{}\" is not an id (`furrow dbc list` shows them)", text)};
  return *id;
}

result<storage::stored_dbc> read_stored(storage::store& store,
                                        std::int32_t id,
                                        const dbc_file_options& options,
                                        const globals& globals) {
  return wait_for<storage::stored_dbc>([&](auto done) { store.dbc()->read(id, std::move(done)); },
                                       options.url, globals.timeout());
}

result<int> list_dbc(const globals& globals, const dbc_file_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto files = wait_for<std::vector<storage::stored_dbc>>(
    [&](auto done) { (*store)->dbc()->list(std::move(done)); }, options.url, globals.timeout());
  if (!files)
    return files.error();
  json rows = json::array();
  table shown{{"ID", "FILE", "FOR", "ACTIVE", "VERSION", "LOADED"},
              {},
              "no DBC file is loaded; nodes decode with Furrow's own catalogue"};
  for (const auto& file : *files)
    rows.push_back(json_rows::to_json(file));
  if (const auto cut = carry_out(*options.wish, dbc_keys, rows); !cut)
    return cut.error();
  for (const auto& row : rows)
    shown.rows.push_back({number_cell(row.at("id")), value_cell(row.at("name")),
                          value_cell(row.at("for")), value_cell(row.at("active")),
                          value_cell(row.at("version")), value_cell(row.at("loaded"))});
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> show_dbc(const globals& globals, const dbc_file_options& options) {
  const auto id = needed_id(options.which.front());
  if (!id)
    return id.error();
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto file = read_stored(**store, *id, options, globals);
  if (!file)
    return file.error();
  if (options.raw) {
    (void)write_out(file->content);
  } else {
    const auto parsed = storage::parse_stored(*file);
    if (!parsed)
      return failure{errc::failed, parsed.error().detail};
    std::ostringstream text;
    print_dbc(text, *parsed, !globals.for_people());
    (void)write_out(text.str());
  }
  const auto output = written();
  return output ? result<int>{0} : output.error();
}

/// A file of the database by its id, or one of the disk by its name.
result<can::dbc_file> either(storage::store* store,
                             const std::string& which,
                             const dbc_file_options& options,
                             const globals& globals) {
  const auto id = dbc_id_of(which);
  if (!id) {
    auto file = load_dbc(which, can::dbc_mode::lenient, can::dbc_encoding::detect);
    if (!file)
      return failure{errc::failed, file.error().detail};
    return std::move(*file);
  }
  if (store == nullptr)
    return failure{errc::usage, "--database is needed for the id " + which};
  const auto stored = read_stored(*store, *id, options, globals);
  if (!stored)
    return stored.error();
  auto parsed = storage::parse_stored(*stored);
  if (!parsed)
    return failure{errc::failed, parsed.error().detail};
  return std::move(*parsed);
}

result<int> diff_dbc(const globals& globals, const dbc_file_options& options) {
  std::unique_ptr<storage::store> store;
  if (!options.url.empty()) {
    auto opened = open_directly(options.url);
    if (!opened)
      return opened.error();
    store = std::move(*opened);
  }
  const auto before = either(store.get(), options.which.at(0), options, globals);
  if (!before)
    return before.error();
  const auto after = either(store.get(), options.which.at(1), options, globals);
  if (!after)
    return after.error();
  json rows = json::array();
  table shown{{"OBJECT", "PROPERTY", "BEFORE", "AFTER"}, {}, "both decode alike"};
  for (const auto& one : can::differences(*before, *after)) {
    rows.push_back(json_rows::to_json(one));
    shown.rows.push_back({value_cell(one.object), value_cell(one.property),
                          value_cell(rows.back()["before"]), value_cell(rows.back()["after"])});
  }
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> change_dbc(const globals& globals, const dbc_file_options& options, bool removes) {
  const auto id = needed_id(options.which.front());
  if (!id)
    return id.error();
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto file = read_stored(**store, *id, options, globals);
  if (!file)
    return file.error();
  if (removes) {
    const auto wanted = confirmed(
      fmt::format("remove {} ({}) for {} for good?", file->name, *id, storage::scope_of(*file)),
      options.yes);
    if (!wanted || !*wanted)
      return wanted ? result<int>{static_cast<int>(errc::failed)} : wanted.error();
  }
  const auto changed = wait_for<done>(
    [&](auto done) {
      if (removes)
        (*store)->dbc()->remove(*id, {person()}, std::move(done));
      else
        (*store)->dbc()->activate(*id, {person()}, std::move(done));
    },
    options.url, std::max<std::chrono::milliseconds>(globals.timeout(), std::chrono::minutes{10}));
  if (!changed)
    return changed.error();
  fmt::print(stderr, "furrow: {} ({}) for {} is {}\n", printable(file->name), *id,
             printable(storage::scope_of(*file)), removes ? "removed" : "active");
  return 0;
}

} // namespace

void add_dbc_files(CLI::App& dbc, const globals& globals, int& exit_code) {
  const auto add = [&](const char* name, const char* what, const char* footer, bool needs_database,
                       auto run) {
    auto options = std::make_shared<dbc_file_options>();
    auto* command = dbc.add_subcommand(name, what);
    auto* url = add_database_option(*command);
    if (needs_database)
      url->required();
    command->footer(footer);
    const auto plan =
      std::string_view{name} == "list" ? add_watch_plan(*command) : std::make_shared<watch_plan>();
    command->callback([&globals, &exit_code, options, run, url, plan] {
      options->url = url_of(url);
      exit_code = run_rounds(globals, *plan, [&] { return run(globals, *options); });
    });
    return std::pair{command, options};
  };
  const auto listed = add("list", "list the DBC files in the database",
                          "Examples:\n  furrow dbc list --database sqlite:furrow.db\n"
                          "  furrow dbc list --sort -loaded --limit 5 --database sqlite:furrow.db",
                          true, list_dbc);
  listed.second->wish = add_list_wish(*listed.first, "files", dbc_keys);
  const auto shown = add(
    "show", "show a DBC file of the database as Furrow reads it",
    "Example:\n  furrow dbc show 3 --raw --database sqlite:furrow.db > old.dbc", true, show_dbc);
  shown.first->add_option("ID", shown.second->which, "id, as `furrow dbc list` shows it")
    ->required()
    ->expected(1);
  shown.first->add_flag("--raw", shown.second->raw, "print the file as it was loaded");
  const auto compared =
    add("diff", "compare two DBC files: messages, signals, factors, units, labels",
        "Examples:\n  furrow dbc diff 3 new.dbc --database sqlite:furrow.db\n"
        "  furrow dbc diff old.dbc new.dbc",
        false, diff_dbc);
  compared.first->add_option("FILE", compared.second->which, "two ids or files")
    ->required()
    ->expected(2);
  const auto activated =
    add("activate", "decode with this file of its name from now on",
        "Example:\n  furrow dbc activate 3 --database sqlite:furrow.db", true,
        [](const auto& with, const auto& given) { return change_dbc(with, given, false); });
  activated.first->add_option("ID", activated.second->which, "id, as `furrow dbc list` shows it")
    ->required()
    ->expected(1);
  const auto removed =
    add("remove", "remove a DBC file from the database; rollups that were made with it stay",
        "Example:\n  furrow dbc remove 3 --yes --database sqlite:furrow.db", true,
        [](const auto& with, const auto& given) { return change_dbc(with, given, true); });
  removed.first->add_option("ID", removed.second->which, "id, as `furrow dbc list` shows it")
    ->required()
    ->expected(1);
  removed.first->add_flag("--yes", removed.second->yes, "do not ask");
}

} // namespace furrow::cli
