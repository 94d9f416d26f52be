#include "tools/furrow/contexts/settings.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace furrow::cli {

namespace {

constexpr const char* standard_at = "http://127.0.0.1:7480";

using source_list =
  std::vector<std::pair<origin, node_choice>>; // the first that says something wins

setting first_of(const source_list& sources, std::string node_choice::*member) {
  for (const auto& [from, choice] : sources)
    if (!(choice.*member).empty())
      return {choice.*member, from};
  return {};
}

} // namespace

const char* to_string(origin from) {
  switch (from) {
  case origin::standard:
    return "default";
  case origin::context:
    return "context";
  case origin::environment:
    return "environment";
  case origin::flag:
    return "flag";
  }
  return "unknown";
}

node_settings settings_of(const node_choice& flags,
                          const node_choice& environment,
                          const context* chosen,
                          bool is_typed) {
  source_list sources{{origin::flag, flags}, {origin::environment, environment}};
  if (chosen != nullptr)
    sources.insert(
      is_typed ? sources.begin() + 1 : sources.end(),
      {origin::context, {chosen->at, {}, chosen->token_file, chosen->authorities, chosen->farm}});
  node_settings out;
  out.at = first_of(sources, &node_choice::at);
  if (out.at.value.empty())
    out.at.value = standard_at;
  if (out.at.from != origin::context)
    std::erase_if(sources, [](const auto& one) { return one.first == origin::context; });
  const auto credential = std::find_if(sources.begin(), sources.end(), [](const auto& one) {
    return !one.second.token.empty() || !one.second.token_file.empty();
  });
  if (credential != sources.end()) {
    out.token = {credential->second.token, credential->first};
    out.token_file = {credential->second.token_file, credential->first};
  }
  out.authorities = first_of(sources, &node_choice::authorities);
  out.farm = first_of(sources, &node_choice::farm);
  return out;
}

} // namespace furrow::cli
