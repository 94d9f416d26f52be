#include "tools/config/settings_board.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

const char* name_of(config::layer layer) {
  switch (layer) {
  case config::layer::standard:
    return "default";
  case config::layer::file:
    return "file";
  case config::layer::environment:
    return "environment";
  case config::layer::flag:
    return "flag";
  }
  return "unknown";
}

json setting_json(const config::shown_setting& one) {
  return {{"key", one.key},
          {"value", one.value.empty() ? json(nullptr) : json(one.value)},
          {"origin", name_of(one.from)},
          {"place", one.place.empty() ? json(nullptr) : json(one.place)},
          {"at_reload", one.counts == config::change::at_reload}};
}

answer show_config(api_context& of, call /*call*/) {
  const auto seen = of.settings->look();
  json list = json::array();
  for (const auto& one : seen->settings)
    list.push_back(setting_json(one));
  json body{{"node", of.node_name}, {"settings", std::move(list)}, {"files", seen->files}};
  co_return ok(body);
}

} // namespace

void add_config_route(router& to, api_context& of) {
  to.add({"GET", "/api/v1/config", daemon::permission::oversee, {}, on(of, show_config), false});
}

} // namespace furrow::http
