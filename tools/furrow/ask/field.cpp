#include "tools/furrow/ask/field_file.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/list_wish.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

/// The options for a farm, a field or a machine; only those that were given.
struct described {
  std::string name;
  std::string file;
  std::string position;
  bool far = false; // no check against known places
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

result<int> shown(const json& rows, const globals& globals) {
  table out{{"NAME", "AREA ha", "CROP", "SOIL", "SEASON", "VERSION"}, {}, "no field matches"};
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

constexpr std::array<std::string_view, 5> field_keys{"name", "crop", "soil", "season", "area_m2"};

result<json>
every_field(const node_client& client, const std::string& query, const list_wish& wish) {
  constexpr std::size_t page_rows = 1'000;
  json rows = json::array();
  for (std::string after;;) {
    const auto left = wish.limit == 0 ? page_rows : wish.limit - rows.size();
    const list_wish part{wish.sort, std::min(left, page_rows)};
    auto target = with_wish("/api/v1/fields", part);
    target.append(query).append(after);
    const auto page = client.get(target);
    if (!page)
      return page.error();
    for (const auto& row : page->at("rows"))
      rows.push_back(row);
    if (page->at("next").is_null() || rows.size() == wish.limit)
      return rows;
    after = "&after=" + encoded(page->at("next").get<std::string>());
  }
}

result<int> list_fields(const globals& globals, const described& wanted, const list_wish& wish) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  if (!wanted.position.empty()) {
    const auto page = client->get("/api/v1/fields-at?position=" + encoded(wanted.position));
    return page ? shown(page->at("rows"), globals) : page.error();
  }
  std::string query;
  for (const auto& [name, value] : wanted.texts)
    query += fmt::format("&{}={}", name, encoded(value));
  const auto rows = every_field(*client, query, wish);
  return rows ? shown(*rows, globals) : rows.error();
}

result<int> show_field(const globals& globals, const described& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto row = client->get("/api/v1/fields/" + encoded(wanted.name));
  return row ? shown_one(*row, globals) : row.error();
}

/// Where machines and fields of the farm are. What cannot be asked is left out: the check is a help, no duty.
std::vector<known_place> known_places(const node_client& client) {
  std::vector<known_place> out;
  if (const auto fields = client.get("/api/v1/fields?limit=1000"))
    for (const auto& row : fields->at("rows")) {
      const auto& box = row.at("box_deg");
      out.push_back({"field " + row.at("name").get<std::string>(),
                     (box[0].get<double>() + box[2].get<double>()) / 2,
                     (box[1].get<double>() + box[3].get<double>()) / 2});
    }
  if (const auto machines = client.get("/api/v1/fleet?signals=position"))
    for (const auto& row : machines->at("machines"))
      if (const auto& values = row.at("values"); values.contains("position")) {
        const auto& at = values.at("position");
        out.push_back({"machine " + row.at("name").get<std::string>(),
                       at.at("longitude_deg").get<double>(), at.at("latitude_deg").get<double>()});
      }
  return out;
}

/// The fields of the file, with the options of the command line.
result<std::vector<json>> described_fields(const node_client& client, const described& wanted) {
  std::vector<json> fields{json::object()};
  if (!wanted.file.empty()) {
    const auto shape = read_geojson(wanted.file);
    if (!shape)
      return shape.error();
    auto read = fields_of(*shape, wanted.file);
    if (!read)
      return read.error();
    fields = std::move(*read);
    const auto places = wanted.far ? std::vector<known_place>{} : known_places(client);
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (const auto wrong = swapped(fields[i], places))
        return failure{errc::failed, fields.size() == 1 ? wanted.file + ": " + *wrong
                                                        : fmt::format("{}: field {}: {}",
                                                                      wanted.file, i + 1, *wrong)};
  }
  const auto members = members_of(wanted);
  if (!members)
    return members.error();
  for (auto& field : fields) {
    field.update(*members);
    if (!wanted.name.empty())
      field["name"] = wanted.name;
    if (field.contains("part") && field.contains("name"))
      field["name"] = fmt::format("{} {}", field["name"].get<std::string>(), field["part"].dump());
    field.erase("part");
  }
  return fields;
}

/// Every field needs a name of its own.
std::optional<failure> check_names(const std::vector<json>& fields, const json& existing) {
  std::set<std::string> names;
  for (const auto& row : existing)
    names.insert(row.at("name").get<std::string>());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i].contains("name"))
      return failure{errc::usage,
                     fmt::format("field {} of {} has no name: give its feature a property \"name\"",
                                 i + 1, fields.size())};
    const auto name = fields[i]["name"].get<std::string>();
    if (!names.insert(name).second)
      return failure{errc::failed, fmt::format("there is a field \"{}\" already; nothing was added "
                                               "(names must differ)",
                                               name)};
  }
  return std::nullopt;
}

/// Several fields: all of them or none.
result<int>
add_fields(const globals& globals, const node_client& client, const std::vector<json>& fields) {
  const auto existing = every_field(client, "", {});
  if (!existing)
    return existing.error();
  if (const auto wrong = check_names(fields, *existing))
    return *wrong;
  const auto sent = client.send("POST", "/api/v1/fields", json(fields));
  if (!sent)
    return sent.error();
  json rows = json::array();
  for (const auto& field : fields) {
    auto row = client.get("/api/v1/fields/" + encoded(field["name"].get<std::string>()));
    if (!row)
      return row.error();
    rows.push_back(std::move(*row));
  }
  return shown(rows, globals);
}

result<int> add_or_update(const globals& globals, const described& wanted, bool make) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto fields = described_fields(*client, wanted);
  if (!fields)
    return fields.error();
  if (fields->size() > 1 && make)
    return add_fields(globals, *client, *fields);
  if (fields->size() > 1)
    return failure{errc::failed, fmt::format("{}: has {} polygons; a field has one boundary",
                                             wanted.file, fields->size())};
  const auto& field = fields->front();
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

result<int> show_farm(const globals& globals, const described& /*wanted*/) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto row = client->get("/api/v1/farm");
  return row ? shown_one(*row, globals) : row.error();
}

result<int> update_farm(const globals& globals, const described& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto members = members_of(wanted);
  if (!members)
    return members.error();
  const auto row = client->send("PATCH", "/api/v1/farm", *members);
  return row ? shown_one(*row, globals) : row.error();
}

void add_field_texts(CLI::App& command, const options& wanted) {
  add_text(command, wanted, "crop", "crop that grows there");
  add_text(command, wanted, "soil", "soil of the field");
  add_text(command, wanted, "season", "season of this crop");
}

} // namespace

void add_farm(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "farm", "show and change the farm: its title and time zone; the databases of all farms");
  command->require_subcommand(1);
  const auto on = [&globals, &exit_code](CLI::App* part, const options& wanted, auto run) {
    part->callback(
      [&globals, &exit_code, wanted, run] { exit_code = code_of(run(globals, *wanted)); });
  };
  auto* show = command->add_subcommand("show", "show the farm");
  show->footer("Examples:\n  furrow farm show\n  furrow farm show --farm hill -o json");
  on(show, std::make_shared<described>(), show_farm);

  auto wanted = std::make_shared<described>();
  auto* update = command->add_subcommand("update", "change the farm");
  add_text(*update, wanted, "title", "title that people read");
  update->add_option_function<std::string>(
    "--time-zone",
    [wanted](const std::string& name) { wanted->texts.emplace_back("time_zone", name); },
    "time zone of the IANA database: `--zone farm` begins days at its midnight");
  add_attributes(*update, wanted);
  update->footer("Examples:\n  furrow farm update --time-zone Europe/Berlin\n"
                 "  furrow farm update --title \"Hill farm\" --version 3");
  on(update, wanted, update_farm);
}

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
  auto* at = list->add_option("--at-position", wanted->position, "LONGITUDE,LATITUDE in degrees");
  const auto wish = add_list_wish(*list, "fields", field_keys);
  for (const auto* name : {"--sort", "--limit"})
    list->get_option(name)->excludes(at);
  list->footer("Examples:\n  furrow field list --crop wheat\n"
               "  furrow field list --sort -area_m2 --limit 10\n"
               "  furrow field list --at-position 8.4012,49.0134 -o json");
  const auto plan = add_watch_plan(*list);
  list->callback([&globals, &exit_code, wanted, wish, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return list_fields(globals, *wanted, *wish); });
  });

  wanted = std::make_shared<described>();
  auto* show = command->add_subcommand("show", "show one field with its boundary");
  show->add_option("NAME", wanted->name, "name of the field")->required();
  show->footer("Examples:\n  furrow field show \"Upper field\" -o json");
  on(show, wanted, show_field);

  for (const bool make : {true, false}) {
    wanted = std::make_shared<described>();
    auto* put = make ? command->add_subcommand("add", "add the fields of a GeoJSON file")
                     : command->add_subcommand("update", "change a field");
    if (make) {
      put
        ->add_option("FILE", wanted->file,
                     "GeoJSON: Polygon, MultiPolygon, Feature or FeatureCollection")
        ->required();
      put->add_option("--name", wanted->name,
                      "name of the field; default: the property \"name\" in the file");
      put->footer(
        "Examples:\n  furrow field add upper.geojson --name \"Upper field\" --crop wheat\n"
        "  furrow field add fields.geojson     (a collection: all of its fields, or none)");
    } else {
      put->add_option("NAME", wanted->name, "name of the field")->required();
      put->add_option("--boundary", wanted->file, "GeoJSON with the new boundary");
      put->footer("Examples:\n  furrow field update \"Upper field\" --crop maize --version 3\n"
                  "  furrow field update \"Upper field\" --boundary upper.geojson");
    }
    add_field_texts(*put, wanted);
    add_attributes(*put, wanted);
    put->add_flag("--far", wanted->far,
                  "take the boundary although it is far from the farm's machines and fields");
    on(put, wanted,
       [make](const auto& with, const auto& given) { return add_or_update(with, given, make); });
  }

  wanted = std::make_shared<described>();
  auto* remove = command->add_subcommand("remove", "remove a field");
  remove->add_option("NAME", wanted->name, "name of the field")->required();
  remove->add_option("--version", wanted->version, "remove it only if it has this version");
  remove->footer("Examples:\n  furrow field remove \"Upper field\"");
  on(remove, wanted, remove_field);
}

void add_equipment_set(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.get_subcommand("equipment")
                    ->add_subcommand("set", "show or change the properties of a machine");
  auto wanted = std::make_shared<described>();
  command->add_option("NAME", wanted->name, "name of the machine")->required();
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
