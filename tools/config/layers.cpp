#include "tools/config/layers.hpp"

#include "tools/config/option_values.hpp"
#include "tools/config/toml_file.hpp"
#include "tools/config/whole_file.hpp"
#include "tools/words/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

namespace furrow::config {

namespace {

constexpr unsigned environment_rank = 1'000; // above every file
constexpr unsigned flag_rank = 1'001;
constexpr const char* flag_letters = "abcdefghijklmnopqrstuvwxyz0123456789-";

/// A value that one layer has for an option.
struct offer {
  layer from = layer::standard;
  unsigned rank = 0;
  std::string place;
  std::vector<std::string> texts; // of a flag: true, false or a number
};

class filling {
public:
  filling(CLI::App& options, const program& of) : options_{options}, of_{of} {}

  result<in_force> run() {
    collect();
    if (auto ok = take_files(); !ok)
      return ok.error();
    if (auto ok = take_environment(); !ok)
      return ok.error();
    if (auto ok = take_secrets(); !ok)
      return ok.error();
    for (auto& one : entries_) {
      if (auto ok = apply(one); !ok)
        return ok.error();
      if (one.option->get_required() && one.made.values.empty())
        return missing(one);
      out_.settings.push_back(std::move(one.made));
    }
    return std::move(out_);
  }

private:
  struct entry {
    CLI::Option* option = nullptr;
    setting made;
    std::vector<offer> offers;      // the lowest first
    std::vector<std::string> given; // by flags, as CLI11 has it
  };

  void collect() {
    const auto& order = options_.parse_order();
    for (auto* const option : options_.get_options()) {
      if (!is_key(*option))
        continue;
      entry made{option, standard_of(*option, of_), {}, {}};
      if (std::find(order.begin(), order.end(), option) != order.end()) {
        made.given = option->results();
        made.offers.push_back(
          {layer::flag, flag_rank, "--" + long_name(*option), shown_results(*option)});
      }
      by_key_.emplace(made.made.key, entries_.size());
      entries_.push_back(std::move(made));
    }
  }

  /// What the command line gave, as a file would spell it.
  static std::vector<std::string> shown_results(const CLI::Option& option) {
    if (!is_flag(option))
      return option.results();
    if (!counts(option))
      return {option.results().back() == option.get_flag_value(long_name(option), "true")
                ? "true"
                : "false"};
    std::int64_t sum = 0;
    for (const auto& text : option.results())
      sum += flag_number(text).value_or(0);
    return {std::to_string(sum)};
  }

  void add(entry& to, offer made) {
    to.offers.insert(
      std::upper_bound(to.offers.begin(), to.offers.end(), made,
                       [](const offer& a, const offer& b) { return a.rank < b.rank; }),
      std::move(made));
  }

  result<done> take_files() {
    auto* const chosen = options_.get_option_no_throw("--config");
    const bool is_chosen = chosen != nullptr && chosen->count() > 0;
    const std::string path = is_chosen ? chosen->results().back() : std::string{of_.default_file};
    if (auto ok = take_file(path); !ok && (is_chosen || ok.code() != errc::missing))
      return ok;
    const auto more = drop_ins_of(path);
    if (!more)
      return more.error();
    for (const auto& one : *more)
      if (auto ok = take_file(one); !ok)
        return ok;
    return done{};
  }

  result<done> take_file(const std::string& path) {
    const auto read = read_toml(path);
    if (!read)
      return read.error();
    out_.files.push_back(path);
    if (read->is_open_to_others)
      open_.insert(path);
    const auto rank = static_cast<unsigned>(out_.files.size());
    std::map<std::size_t, std::uint32_t> lines; // by entry
    for (const auto& value : read->values) {
      const auto found = by_key_.find(key_of(value.key));
      if (found == by_key_.end())
        return unknown(value);
      const auto [first, is_new] = lines.try_emplace(found->second, value.key_at.line);
      if (!is_new)
        return wrong(value.key_at.text(), value.key,
                     fmt::format("is set already in line {}", first->second));
      auto& to = entries_[found->second];
      const auto place = value.at.text();
      if (value.is_list && !takes_list(*to.option))
        return wrong(place, value.key, "one value is expected, not a list");
      if (!value.texts.empty() && !fits(*to.option, value.kind))
        return wrong(place, value.key, expected(*to.option));
      add(to, {layer::file, rank, place, value.texts});
      warn_of_open(to, value);
    }
    return done{};
  }

  /// A secret in a file that every user can read. What people may see has *** for a secret.
  void warn_of_open(const entry& of, const file_value& value) {
    const auto is_secret = of.made.shown != nullptr && !value.texts.empty()
                           && of.made.shown(value.texts.front()).find("***") != std::string::npos;
    if (is_secret && open_.erase(value.at.file) != 0)
      out_.warnings.push_back(value.at.text() + ": " + of.made.key
                              + ": every user of this computer can read this secret; chmod o-r "
                              + value.at.file);
  }

  failure unknown(const file_value& value) const {
    std::vector<std::string> known;
    known.reserve(by_key_.size());
    for (const auto& [key, at] : by_key_)
      known.push_back(key);
    return {errc::invalid, fmt::format("{}: {}: unknown key{}", value.key_at.text(), value.key,
                                       words::did_you_mean(key_of(value.key), known))};
  }

  result<done> take_environment() {
    for (auto& one : entries_) {
      const auto& own = one.option->get_envname();
      const auto name = own.empty() ? environment_of(one.made.key) : own;
      const char* const text = std::getenv(name.c_str());
      if (text == nullptr || *text == '\0')
        continue;
      std::string value = text;
      if (is_flag(*one.option)) {
        const auto number = flag_number(value);
        if (!number)
          return wrong(name, one.made.key, expected(*one.option));
        value = counts(*one.option) ? std::to_string(*number) : *number > 0 ? "true" : "false";
      }
      add(one, {layer::environment, environment_rank, name, {value}});
    }
    return done{};
  }

  /// A secret `x` may stand in the file that `x_file` names. Of both the higher layer counts.
  result<done> take_secrets() {
    for (auto& one : entries_) {
      const auto found = by_key_.find(one.made.key + "_file");
      if (one.made.shown == nullptr || found == by_key_.end())
        continue;
      auto& file = entries_[found->second];
      if (!is_set(file))
        continue;
      const auto& named = file.offers.back();
      const auto own_rank = is_set(one) ? one.offers.back().rank : 0;
      if (own_rank == named.rank)
        return wrong(named.place, file.made.key,
                     fmt::format("{} is set too ({}); set one of them", one.made.key,
                                 one.offers.back().place));
      if (own_rank > named.rank) {
        file.offers.clear();
        continue;
      }
      const auto read = read_secret(named.texts.front());
      if (!read)
        return wrong(named.place, file.made.key, read.error().detail);
      if (!read->warning.empty())
        out_.warnings.push_back(read->warning);
      one.offers.clear();
      one.given.clear();
      one.offers.push_back({named.from, named.rank, named.place, {read->text}});
    }
    return done{};
  }

  /// An empty text counts as absent.
  static bool is_set(const entry& one) {
    return !one.offers.empty() && !one.offers.back().texts.front().empty();
  }

  result<done> apply(entry& one) {
    auto& option = *one.option;
    for (const auto& each : one.offers) {
      if (each.from == layer::flag && !one.given.empty()) {
        option.clear();
        option.add_result(one.given);
        option.run_callback(); // CLI11 has checked it
      } else if (auto ok = offered(one, each); !ok) {
        return ok;
      }
      one.made.from = each.from;
      one.made.place = each.place;
      one.made.values = is_flag(option) || each.texts.empty() ? each.texts : option.results();
    }
    return done{};
  }

  result<done> offered(const entry& one, const offer& each) {
    try {
      put(*one.option, each.texts);
      return done{};
    } catch (const CLI::ValidationError& error) {
      const auto name = one.option->get_name() + ": ";
      std::string what = error.what();
      if (what.rfind(name, 0) == 0)
        what.erase(0, name.size());
      if (!what.empty()) // CLI11 writes "Value 99 not in range 1 to 16"
        what.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(what.front())));
      return wrong(each.place, one.made.key,
                   one.made.shown != nullptr ? expected(*one.option) : first_line(what));
    } catch (const CLI::Error&) { // its text quotes the value
      return wrong(each.place, one.made.key, expected(*one.option));
    }
  }

  [[nodiscard]] failure missing(const entry& one) const {
    return {errc::invalid,
            fmt::format("{} is required: set {} in {}, or give --{}", one.made.key, one.made.key,
                        out_.files.empty() ? std::string{of_.default_file} : out_.files.front(),
                        long_name(*one.option))};
  }

  static failure wrong(const std::string& place, const std::string& key, const std::string& what) {
    return {errc::invalid, place + ": " + key + ": " + what};
  }

  CLI::App& options_;
  const program& of_;
  std::vector<entry> entries_;
  std::map<std::string, std::size_t> by_key_;
  std::set<std::string> open_; // files that every user can read, until that is told
  in_force out_;
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

} // namespace

const setting* in_force::find(std::string_view key) const {
  for (const auto& one : settings)
    if (one.key == key)
      return &one;
  return nullptr;
}

void in_force::set_standard(std::string_view key, const std::string& value) {
  for (auto& one : settings)
    if (one.key == key && one.from == layer::standard)
      one.values = {value};
}

std::string in_force::located(const std::string& error) const {
  const auto dashes = error.find("--");
  if (dashes == std::string::npos)
    return error;
  const auto end = std::min(error.find_first_not_of(flag_letters, dashes), error.size());
  const auto* const one = find(key_of(error.substr(dashes, end - dashes)));
  if (one == nullptr || one->from == layer::standard || one->from == layer::flag)
    return error;
  return one->place + ": " + with_keys(error);
}

std::string in_force::with_keys(std::string error) const {
  for (auto at = error.find("--"); at != std::string::npos; at = error.find("--", at)) {
    const auto end = std::min(error.find_first_not_of(flag_letters, at), error.size());
    const auto* const one = find(key_of(error.substr(at, end - at)));
    if (one == nullptr) {
      at = end;
      continue;
    }
    error.replace(at, end - at, one->key);
    at += one->key.size();
  }
  return error;
}

void add_config_option(CLI::App& options, const program& of) {
  const auto name = std::string{of.default_file};
  options
    .add_option_function<std::string>(
      "--config", [](const std::string&) {},
      "configuration file (TOML), with the drop-ins beside it; default: " + name
        + ". `config sample` prints one with every key")
    ->type_name("FILE")
    ->envname("FURROW_CONFIG")
    ->configurable(false);
}

required_later::required_later(const std::vector<CLI::App*>& apps) {
  for (auto* const app : apps)
    for (auto* const option : app->get_options())
      if (option->get_required()) {
        option->required(false);
        demanded_.push_back(option);
      }
}

required_later::~required_later() {
  for (auto* const option : demanded_)
    option->required(true);
}

result<in_force> fill(CLI::App& options, const program& of) {
  return filling{options, of}.run();
}

std::vector<std::string> changed(const in_force& before, const in_force& now, change counts) {
  std::vector<std::string> out;
  for (const auto& one : now.settings) {
    const auto* const old = before.find(one.key);
    if (one.counts == counts && (old == nullptr || old->values != one.values))
      out.push_back(one.key);
  }
  return out;
}

void take_reloaded(in_force& values, in_force now, const std::vector<std::string>& waiting) {
  const auto waits = [&waiting](const setting& one) {
    return one.counts == change::at_restart
           || std::find(waiting.begin(), waiting.end(), one.key) != waiting.end();
  };
  for (auto& one : now.settings)
    if (const auto* const old = values.find(one.key); old != nullptr && waits(one))
      one = *old;
  values = std::move(now);
}

std::string restart_note(const std::vector<std::string>& keys) {
  return keys.empty() ? "" : fmt::format("; restart needed: {}", fmt::join(keys, ", "));
}

bool is_key(const CLI::Option& option) {
  return option.get_configurable() && !option.get_lnames().empty();
}

std::string as_toml(const setting& one) {
  const auto text_of = [&](const std::string& value) {
    return one.is_text ? quoted(one.shown != nullptr ? one.shown(value) : value) : value;
  };
  if (!one.is_list)
    return one.values.empty() ? (one.is_text ? "\"\"" : "") : text_of(one.values.front());
  std::string out;
  for (const auto& value : one.values)
    out += (out.empty() ? "" : ", ") + text_of(value);
  return '[' + out + ']';
}

setting standard_of(CLI::Option& option, const program& of) {
  setting out;
  out.key = key_of(long_name(option));
  out.is_text = kind_of(option) == value_kind::text;
  out.is_list = takes_list(option);
  const auto known = std::find_if(of.keys.begin(), of.keys.end(),
                                  [&](const key& one) { return one.name == out.key; });
  if (known != of.keys.end()) {
    out.counts = known->counts;
    out.shown = known->shown;
  }
  if (is_flag(option)) {
    out.values = {"false"};
    return out;
  }
  const auto told = option.get_default_str();
  if (told.empty())
    option.capture_default_str();
  const auto text = option.get_default_str();
  option.default_str(told);
  if (!out.is_list && !text.empty())
    out.values = {text};
  return out;
}

} // namespace furrow::config
