#include "can/dbc/difference.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

namespace furrow::can {

namespace {

/// The shortest text that reads back as the same number; what JSON has not is written as in JSON.
std::string text_of(double value) {
  if (std::isnan(value))
    return "null";
  if (std::isinf(value))
    return value < 0 ? "\"-inf\"" : "\"inf\"";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string text_of(const std::optional<double>& value) {
  return value ? text_of(*value) : "-";
}

class difference_rows {
public:
  explicit difference_rows(std::size_t rows_max) : rows_max_{rows_max} {}
  [[nodiscard]] bool full() const { return rows_.size() >= rows_max_; }
  void add(dbc_difference row) {
    if (!full())
      rows_.push_back(std::move(row));
  }
  [[nodiscard]] std::vector<dbc_difference> take() { return std::move(rows_); }

private:
  const std::size_t rows_max_;
  std::vector<dbc_difference> rows_;
};

using properties = std::vector<std::pair<const char*, std::string>>;

properties properties_of(const dbc_message& of) {
  return {{"name", of.name}, {"length", std::to_string(of.length)}, {"comment", of.comment}};
}

properties properties_of(const dbc_signal& of) {
  std::string labels;
  for (const auto& choice : of.choices)
    labels += (labels.empty() ? "" : ", ") + std::to_string(choice.value) + " " + choice.label;
  std::string when;
  for (const auto& range : of.mux.when)
    when +=
      (when.empty() ? "" : ", ") + std::to_string(range.low) + ".." + std::to_string(range.high);
  return {{"start", std::to_string(of.start)},
          {"length", std::to_string(of.length)},
          {"byte order", of.order == byte_order::intel ? "intel" : "motorola"},
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
void compare(const std::string& object, const T& before, const T& after, difference_rows& out) {
  const auto left = properties_of(before);
  const auto right = properties_of(after);
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i].second != right[i].second)
      out.add({object, left[i].first, left[i].second, right[i].second});
}

std::string whole(const dbc_message& of) {
  return of.name + ", id " + std::to_string(of.id) + ", " + std::to_string(of.signals.size())
         + " signals";
}

std::string whole(const dbc_signal& of) {
  return "bit " + std::to_string(of.start) + ", " + std::to_string(of.length) + " bits, factor "
         + text_of(of.scale) + (of.unit.empty() ? "" : " " + of.unit);
}

void compare_signals(const dbc_message& before, const dbc_message& after, difference_rows& out) {
  std::map<std::string, const dbc_signal*> left;
  for (const auto& one : before.signals)
    left.emplace(one.name, &one);
  for (const auto& one : after.signals) {
    const auto object = after.name + "." + one.name;
    const auto found = left.find(one.name);
    if (found == left.end()) {
      out.add({object, "signal", "", whole(one)});
      continue;
    }
    compare(object, *found->second, one, out);
    left.erase(found);
  }
  for (const auto& [name, one] : left)
    out.add({before.name + "." + name, "signal", whole(*one), ""});
}

} // namespace

std::vector<dbc_difference>
differences(const dbc_file& before, const dbc_file& after, std::size_t rows_max) {
  difference_rows out{rows_max};
  using identifier = std::pair<bool, std::uint32_t>;
  std::map<identifier, const dbc_message*> left;
  for (const auto& one : before.messages)
    left.emplace(identifier{one.extended, one.id}, &one);
  for (const auto& one : after.messages) {
    if (out.full())
      break;
    const auto found = left.find({one.extended, one.id});
    if (found == left.end()) {
      out.add({one.name, "message", "", whole(one)});
      continue;
    }
    compare(one.name, *found->second, one, out);
    compare_signals(*found->second, one, out);
    left.erase(found);
  }
  for (const auto& [id, one] : left)
    out.add({one->name, "message", whole(*one), ""});
  return out.take();
}

} // namespace furrow::can
