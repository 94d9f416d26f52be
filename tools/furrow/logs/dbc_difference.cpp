#include "tools/furrow/logs/dbc_difference.hpp"

#include "tools/furrow/logs/json_text.hpp"

#include <map>
#include <utility>

namespace furrow::cli {

namespace {

std::string text_of(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

std::string text_of(const std::optional<double>& value) {
  return value ? text_of(*value) : "-";
}

using properties = std::vector<std::pair<const char*, std::string>>;

properties properties_of(const can::dbc_message& of) {
  return {{"name", of.name}, {"length", std::to_string(of.length)}, {"comment", of.comment}};
}

properties properties_of(const can::dbc_signal& of) {
  std::string labels;
  for (const auto& choice : of.choices)
    labels += (labels.empty() ? "" : ", ") + std::to_string(choice.value) + " " + choice.label;
  std::string when;
  for (const auto& range : of.mux.when)
    when +=
      (when.empty() ? "" : ", ") + std::to_string(range.low) + ".." + std::to_string(range.high);
  return {{"start", std::to_string(of.start)},
          {"length", std::to_string(of.length)},
          {"byte order", of.order == can::byte_order::intel ? "intel" : "motorola"},
          {"type", of.is_float    ? "float"
                   : of.is_signed ? "signed"
                                  : "unsigned"},
          {"factor", text_of(of.scale)},
          {"offset", text_of(of.offset)},
          {"minimum", text_of(of.min)},
          {"maximum", text_of(of.max)},
          {"unit", of.unit},
          {"SPN", of.spn ? std::to_string(*of.spn) : "-"},
          {"labels", labels},
          {"present when", when},
          {"comment", of.comment}};
}

template <class T>
void compare(const std::string& object,
             const T& before,
             const T& after,
             std::vector<dbc_difference>& out) {
  const auto left = properties_of(before);
  const auto right = properties_of(after);
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i].second != right[i].second)
      out.push_back({object, left[i].first, left[i].second, right[i].second});
}

std::string whole(const can::dbc_message& of) {
  return of.name + ", id " + std::to_string(of.id) + ", " + std::to_string(of.signals.size())
         + " signals";
}

std::string whole(const can::dbc_signal& of) {
  return "bit " + std::to_string(of.start) + ", " + std::to_string(of.length) + " bits, factor "
         + text_of(of.scale) + (of.unit.empty() ? "" : " " + of.unit);
}

void compare_signals(const can::dbc_message& before,
                     const can::dbc_message& after,
                     std::vector<dbc_difference>& out) {
  std::map<std::string, const can::dbc_signal*> left;
  for (const auto& one : before.signals)
    left.emplace(one.name, &one);
  for (const auto& one : after.signals) {
    const auto object = after.name + "." + one.name;
    const auto found = left.find(one.name);
    if (found == left.end()) {
      out.push_back({object, "signal", "", whole(one)});
      continue;
    }
    compare(object, *found->second, one, out);
    left.erase(found);
  }
  for (const auto& [name, one] : left)
    out.push_back({before.name + "." + name, "signal", whole(*one), ""});
}

} // namespace

std::vector<dbc_difference> differences(const can::dbc_file& before, const can::dbc_file& after) {
  std::vector<dbc_difference> out;
  using identifier = std::pair<bool, std::uint32_t>;
  std::map<identifier, const can::dbc_message*> left;
  for (const auto& one : before.messages)
    left.emplace(identifier{one.extended, one.id}, &one);
  for (const auto& one : after.messages) {
    const auto found = left.find({one.extended, one.id});
    if (found == left.end()) {
      out.push_back({one.name, "message", "", whole(one)});
      continue;
    }
    compare(one.name, *found->second, one, out);
    compare_signals(*found->second, one, out);
    left.erase(found);
  }
  for (const auto& [id, one] : left)
    out.push_back({one->name, "message", whole(*one), ""});
  return out;
}

} // namespace furrow::cli
