#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::size_t file_bytes_max = 1U << 20U; // limit of a node

/// The options for a field or a machine; only those that were given.
struct described {
  std::string name;
  std::string file;
  std::string position;
  std::vector<std::pair<const char*, std::string>> texts;
  std::vector<std::string> attributes; // KEY=VALUE
  std::optional<std::int64_t> version;
  std::optional<int> address;
};
using options = std::shared_ptr<described>;

void add_text(CLI::App& command, const options& into, const char* member, const char* help) {
  command.add_option_function<std::string>(
    std::string{"--"} + member,
    [into, member](const std::string& value) { into->texts.emplace_back(member, value); }, help);
}

void add_attributes(CLI::App& command, const options& into) {
  command.add_option("--attribute", into->attributes, "attribute as KEY=VALUE (may be repeated)");
  command.add_option("--version", into->version, "change it only if it has this version");
}

result<json> members_of(const described& wanted) {
  json members = json::object();
  for (const auto& [name, value] : wanted.texts)
    members[name] = value;
  if (wanted.address)
    members["address"] = *wanted.address;
  if (wanted.version)
    members["version"] = *wanted.version;
  for (const auto& text : wanted.attributes) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure{errc::usage, fmt::format("\"{}\" is not KEY=VALUE", text)};
    members["attributes"][text.substr(0, equals)] = text.substr(equals + 1);
  }
  return members;
}

result<json> read_geojson(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in)
    return failure{errc::failed, path + ": cannot be read"};
  if (text.size() > file_bytes_max)
    return failure{errc::failed, fmt::format("{}: has {} bytes, a node takes at most {}", path,
                                             text.size(), file_bytes_max)};
  auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object())
    return failure{errc::failed, path + ": is not GeoJSON"};
  return parsed;
}

/// Reads one field from a Polygon or a Feature. The properties name, crop, soil and season of a Feature are used.
result<json> field_of(const json& shape, const std::string& path) {
  json field = json::object();
  const auto type = shape.value("type", "");
  if (type != "Polygon" && type != "Feature")
    return failure{
      errc::failed,
      fmt::format("{}: is \"{}\"; a field must be a Polygon or a Feature", path, type)};
  field["boundary"] = type == "Feature" && shape.contains("geometry") ? shape["geometry"] : shape;
  if (type == "Feature" && shape.contains("properties") && shape["properties"].is_object())
    for (const auto* name : {"name", "crop", "soil", "season"})
      if (shape["properties"].contains(name) && shape["properties"][name].is_string())
        field[name] = shape["properties"][name];
  return field;
}

result<int> shown(const json& rows, const globals& globals) {
  table out{{"NAME", "AREA ha", "CROP", "SOIL", "SEASON", "VERSION"}, {}};
  for (const auto& row : rows)
    out.rows.push_back(
      {value_cell(row.at("name")),
       cell{fmt::format("{:.4f}", row.at("area_m2").get<double>() / 1e4), colour::none, true},
       value_cell(row.at("crop")), value_cell(row.at("soil")), value_cell(row.at("season")),
       number_cell(row.at("version"))});
  const auto printed = print(rows, out, globals.format());
  return printed ? result<int>{0} : printed.error();
}

/// Prints one object with the columns WHAT and VALUE.
result<int> shown_one(const json& row, const globals& globals) {
  table out{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : row.items())
    if (value.is_structured())
      out.rows.push_back({cell{name}, cell{value.dump().substr(0, 100)}});
    else
      out.rows.push_back({cell{name}, cell{value_cell(value).text}});
  const auto printed = print(row, out, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> list_fields(const globals& globals, const described& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  json rows = json::array();
  std::string query = "?limit=1000";
  for (const auto& [name, value] : wanted.texts)
    query += fmt::format("&{}={}", name, encoded(value));
  for (std::string after;;) {
    const auto target = wanted.position.empty()
                          ? "/api/v1/fields" + query + "&after=" + encoded(after)
                          : "/api/v1/fields-at?position=" + encoded(wanted.position);
    const auto page = client->get(target);
    if (!page)
      return page.error();
    for (const auto& row : page->at("rows"))
      rows.push_back(row);
    if (page->at("next").is_null())
      return shown(rows, globals);
    after = page->at("next").get<std::string>();
  }
}

result<int> show_field(const globals& globals, const described& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto row = client->get("/api/v1/fields/" + encoded(wanted.name));
  return row ? shown_one(*row, globals) : row.error();
}

result<int> add_or_update(const globals& globals, const described& wanted, bool make) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  json field = json::object();
  if (!wanted.file.empty()) {
    const auto shape = read_geojson(wanted.file);
    if (!shape)
      return shape.error();
    auto read = field_of(*shape, wanted.file);
    if (!read)
      return read.error();
    field = std::move(*read);
  }
  auto members = members_of(wanted);
  if (!members)
    return members.error();
  field.update(*members);
  if (!wanted.name.empty())
    field["name"] = wanted.name;
  if (!field.contains("name"))
    return failure{errc::usage,
                   "the field has no name: give --name NAME, or a property \"name\" in the file"};
  const auto name = field["name"].get<std::string>();
  const auto sent = make ? client->send("POST", "/api/v1/fields", field)
                         : client->send("PATCH", "/api/v1/fields/" + encoded(name), field);
  if (!sent)
    return sent.error();
  described one;
  one.name = name;
  return show_field(globals, one);
}

result<int> remove_field(const globals& globals, const described& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto version = wanted.version ? fmt::format("?version={}", *wanted.version) : "";
  const auto gone =
    client->send("DELETE", "/api/v1/fields/" + encoded(wanted.name) + version, nullptr);
  return gone ? shown_one(*gone, globals) : gone.error();
}

result<int> set_equipment(const globals& globals, const described& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto members = members_of(wanted);
  if (!members)
    return members.error();
  const auto target =
    "/api/v1/equipment" + std::string{members->empty() ? "-records/" : "/"} + encoded(wanted.name);
  const auto row = members->empty() ? client->get(target) : client->send("PATCH", target, *members);
  return row ? shown_one(*row, globals) : row.error();
}

void add_field_texts(CLI::App& command, const options& wanted) {
  add_text(command, wanted, "crop", "crop that grows there");
  add_text(command, wanted, "soil", "soil of the field");
  add_text(command, wanted, "season", "season of this crop");
}

} // namespace

void add_field(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("field", "show and change the fields of the farm");
  command->require_subcommand(1);
  const auto on = [&globals, &exit_code](CLI::App* part, const options& wanted, auto run) {
    part->callback(
      [&globals, &exit_code, wanted, run] { exit_code = code_of(run(globals, *wanted)); });
  };
  auto wanted = std::make_shared<described>();
  auto* list = command->add_subcommand("list", "list all fields, or those that match the options");
  add_field_texts(*list, wanted);
  list->add_option("--at-position", wanted->position, "LONGITUDE,LATITUDE in degrees");
  list->footer("Examples:\n  furrow field list --crop wheat\n"
               "  furrow field list --at-position 8.4012,49.0134 -o json");
  on(list, wanted, list_fields);

  wanted = std::make_shared<described>();
  auto* show = command->add_subcommand("show", "show one field with its boundary");
  show->add_option("NAME", wanted->name)->required();
  show->footer("Examples:\n  furrow field show \"Upper field\" -o json");
  on(show, wanted, show_field);

  for (const bool make : {true, false}) {
    wanted = std::make_shared<described>();
    auto* put = make
                  ? command->add_subcommand("add", "add a field from a GeoJSON Polygon or Feature")
                  : command->add_subcommand("update", "change a field");
    if (make) {
      put->add_option("FILE", wanted->file, "GeoJSON")->required();
      put->add_option("--name", wanted->name,
                      "name of the field; default: the property \"name\" in the file");
      put->footer(
        "Examples:\n  furrow field add upper.geojson --name \"Upper field\" --crop wheat");
    } else {
      put->add_option("NAME", wanted->name)->required();
      put->add_option("--boundary", wanted->file, "GeoJSON with the new boundary");
      put->footer("Examples:\n  furrow field update \"Upper field\" --crop maize --version 3\n"
                  "  furrow field update \"Upper field\" --boundary upper.geojson");
    }
    add_field_texts(*put, wanted);
    add_attributes(*put, wanted);
    on(put, wanted,
       [make](const auto& with, const auto& given) { return add_or_update(with, given, make); });
  }

  wanted = std::make_shared<described>();
  auto* remove = command->add_subcommand("remove", "remove a field");
  remove->add_option("NAME", wanted->name)->required();
  remove->add_option("--version", wanted->version, "remove it only if it has this version");
  remove->footer("Examples:\n  furrow field remove \"Upper field\"");
  on(remove, wanted, remove_field);
}

void add_equipment_set(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.get_subcommand("equipment")
                    ->add_subcommand("set", "show or change the properties of a machine");
  auto wanted = std::make_shared<described>();
  command->add_option("NAME", wanted->name)->required();
  add_text(*command, wanted, "kind", "tractor, implement, combine, sprayer, sensor_station ...");
  add_text(*command, wanted, "status", "active, idle, maintenance or retired");
  add_text(*command, wanted, "maker", "manufacturer");
  add_text(*command, wanted, "model", "model");
  add_text(*command, wanted, "serial", "serial number");
  add_text(*command, wanted, "firmware", "software version");
  add_text(*command, wanted, "iso_name", "ISO 11783 NAME, 16 hex digits");
  command->add_option("--address", wanted->address, "preferred source address, 0 to 253");
  add_attributes(*command, wanted);
  command->footer(
    "Without options the command shows the properties. An unknown machine is created.\n"
    "Examples:\n  furrow equipment set T1 --kind tractor --maker Fendt --model \"942 Vario\"\n"
    "  furrow equipment set T1 --attribute hitch=rear");
  command->callback(
    [&globals, &exit_code, wanted] { exit_code = code_of(set_equipment(globals, *wanted)); });
}

} // namespace furrow::cli
