#include "tools/furrowd/api/bodies/repository_json.hpp"

#include "storage/farm/json_check.hpp"
#include "tools/furrowd/api/bodies/own_body.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

json parsed_attributes(const std::string& text) {
  if (text.empty())
    return nullptr;
  auto shielded = to_own_body(storage::shield_numbers(text));
  return shielded.encoding == std::string_view{"json"} ? std::move(shielded.body)
                                                       : to_own_body(text).body;
}

problem wrong_member(const std::string& name, const char* what) {
  return {400, "bad_member", fmt::format("\"{}\" is not {}", name, what),
          "/api/v1/openapi.json lists the members"};
}

std::optional<problem> take_text(std::string& into, const std::string& name, const json& value) {
  if (!value.is_string() || storage::is_shielded(value.get_ref<const std::string&>()))
    return wrong_member(name, "a text");
  into = value.get<std::string>();
  return std::nullopt;
}

/// Objects are stored as text; the store checks them.
std::optional<problem> take_object(std::string& into, const std::string& name, const json& value) {
  if (!value.is_object())
    return wrong_member(name, "an object");
  into = storage::unshield_numbers(value.dump(-1, ' ', false, json::error_handler_t::replace));
  return std::nullopt;
}

/// "A00284000DE00001", as the API writes it.
std::optional<problem>
take_iso_name(std::optional<std::uint64_t>& into, const std::string& name, const json& value) {
  if (value.is_null()) {
    into.reset();
    return std::nullopt;
  }
  const auto text = value.is_string() ? value.get<std::string>() : std::string{};
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, 16);
  if (text.size() != 16 || error != std::errc{} || at != end)
    return wrong_member(name, "16 hex digits");
  into = number;
  return std::nullopt;
}

template <class Row>
std::string* text_member(Row& row, const std::string& name) {
  if constexpr (std::is_same_v<Row, storage::equipment_record>) {
    if (name == "kind")
      return &row.kind;
    if (name == "status")
      return &row.status;
    if (name == "maker")
      return &row.maker;
    if (name == "model")
      return &row.model;
    if (name == "serial")
      return &row.serial;
    if (name == "firmware")
      return &row.firmware;
  } else if constexpr (std::is_same_v<Row, storage::farm_record>) {
    if (name == "title")
      return &row.title;
    if (name == "time_zone")
      return &row.time_zone;
  } else {
    if (name == "crop")
      return &row.crop;
    if (name == "soil")
      return &row.soil;
    if (name == "season")
      return &row.season;
  }
  return nullptr;
}

template <class Row>
std::optional<problem> take(Row& row, const std::string& name, const json& value) {
  if (auto* text = text_member(row, name))
    return take_text(*text, name, value);
  if (name == "name")
    return value == row.name ? std::nullopt
                             : std::optional{wrong_member(name, "the name in the path")};
  if (name == "attributes")
    return take_object(row.attributes, name, value);
  if (name == "version") {
    if (!value.is_number_integer())
      return wrong_member(name, "a whole number");
    row.version = value.get<std::int64_t>();
    return std::nullopt;
  }
  if constexpr (std::is_same_v<Row, storage::equipment_record>) {
    if (name == "iso_name")
      return take_iso_name(row.iso_name, name, value);
    if (name == "address") {
      if (!value.is_null() && !value.is_number_integer())
        return wrong_member(name, "a whole number or null");
      row.address = value.is_null() ? std::nullopt : std::optional{value.get<std::int64_t>()};
      return std::nullopt;
    }
  } else if constexpr (std::is_same_v<Row, storage::field_record>) {
    if (name == "boundary")
      return take_object(row.boundary, name, value);
    if (name == "area_m2" || name == "box_deg")
      return std::nullopt; // computed; ignored when a client sends back what it read
  }
  return problem{400, "unknown_member", fmt::format("unknown member \"{}\"", name.substr(0, 64)),
                 "/api/v1/openapi.json lists the members"};
}

json to_json(const storage::farm_record& row) {
  return {{"name", row.name},
          {"title", row.title},
          {"time_zone", row.time_zone},
          {"attributes", parsed_attributes(row.attributes)},
          {"version", row.version}};
}

json to_json(const storage::equipment_record& row) {
  return {{"name", row.name},
          {"iso_name", row.iso_name ? json(fmt::format("{:016X}", *row.iso_name)) : json(nullptr)},
          {"address", row.address ? json(*row.address) : json(nullptr)},
          {"kind", row.kind},
          {"status", row.status},
          {"maker", row.maker},
          {"model", row.model},
          {"serial", row.serial},
          {"firmware", row.firmware},
          {"attributes", parsed_attributes(row.attributes)},
          {"version", row.version}};
}

json to_json(const storage::field_record& row) {
  return {{"name", row.name},
          {"area_m2", row.area_m2},
          {"crop", row.crop},
          {"soil", row.soil},
          {"season", row.season},
          {"box_deg", {row.box.west_deg, row.box.south_deg, row.box.east_deg, row.box.north_deg}},
          {"boundary", parsed_attributes(row.boundary)},
          {"attributes", parsed_attributes(row.attributes)},
          {"version", row.version}};
}

} // namespace

json to_json(const storage::record& row) {
  return std::visit([](const auto& known) { return to_json(known); }, row);
}

std::optional<problem> merge(storage::record& row, const json& members) {
  if (!members.is_object())
    return problem{400, "bad_body", "the body is not a JSON object", "send {\"crop\": \"wheat\"}"};
  for (const auto& one : members.items()) {
    const auto take_one = [&one](auto& known) { return take(known, one.key(), one.value()); };
    if (auto wrong = std::visit(take_one, row))
      return wrong;
  }
  return std::nullopt;
}

problem to_problem(const storage::rejection& why) {
  const auto text = storage::to_string(why);
  switch (why.kind) {
  case storage::rejection_kind::invalid:
    return {400, "invalid_value", text, "change the value and send it again"};
  case storage::rejection_kind::conflict:
    return {409, "conflict", text, "another change came first"};
  case storage::rejection_kind::exists:
    return {409, "exists", text, "change the one that exists, or choose another name"};
  case storage::rejection_kind::missing:
    return {404, "not_found", text, "write the name exactly as it was given"};
  case storage::rejection_kind::in_use:
    return {409, "in_use", text, "set the status of the machine to \"retired\" instead"};
  }
  return {500, "internal", text, ""};
}

} // namespace furrow::http
