#include "tools/furrow/logs/decode_definitions.hpp"

#include "can/dbc/catalogue.hpp"
#include "can/text/json.hpp"
#include "tools/furrow/logs/dbc.hpp"
#include "tools/furrow/logs/json_text.hpp"

#include <ostream>
#include <set>
#include <utility>

namespace furrow::cli {

bool decode_definitions::load(const decode_options& options, std::ostream& problems) {
  std::vector<can::dbc_file> files;
  for (const auto& path : options.dbc) {
    auto file = load_dbc(path, can::dbc_mode::lenient, options.encoding);
    if (!file) {
      problems << "furrow decode: " << file.error().detail << '\n';
      return false;
    }
    report_warnings(*file, "furrow decode", problems);
    files.push_back(std::move(*file));
  }
  if (options.catalogue) {
    auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
    if (!file) {
      problems << "furrow decode: " << file.error().detail << '\n';
      return false;
    }
    files.push_back(std::move(*file));
  }
  std::vector<const can::dbc_file*> pointers;
  pointers.reserve(files.size());
  for (const auto& file : files)
    pointers.push_back(&file);
  auto plan = can::decode_plan::compile(pointers);
  if (!plan) {
    problems << "furrow decode: " << plan.error().detail << '\n';
    return false;
  }
  plan_ = std::move(*plan);
  auto wanted = wanted_signals::of(plan_, options.wanted_messages, options.wanted_signals);
  if (!wanted) {
    problems << "furrow decode: " << wanted.error().detail << '\n';
    return false;
  }
  wanted_ = std::move(*wanted);
  prepare();
  return true;
}

void decode_definitions::prepare() {
  std::set<std::string> names; // of one message: a JSON key must appear once
  std::uint32_t message = 0;
  for (const auto& signal : plan_.signals()) {
    if (signal.message != message)
      names.clear();
    message = signal.message;
    auto name = signal.name;
    for (int n = 2; !names.insert(name).second; ++n)
      name = signal.name + '#' + std::to_string(n);
    auto& opening = openings_.emplace_back();
    can::text::append_json_text(opening, name);
    opening += ":{\"spn\":";
    opening += signal.spn ? std::to_string(*signal.spn) : "null";
    opening += ",\"raw\":";
    auto& middle = middles_.emplace_back(",\"unit\":");
    append_text_or_null(middle, signal.unit);
    middle += ",\"label\":";
  }
}

} // namespace furrow::cli
