#include "tools/manual/manual.hpp"

#include "tools/manual/footer.hpp"
#include "tools/manual/roff.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::manual {

namespace {

/// One page while it is written.
struct page {
  const book& of;
  const CLI::App& root;
  const CLI::App& app;
  std::string name;    // "furrow-db-migrate"
  std::string command; // "furrow db migrate"
};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands(
    [](const CLI::App* one) { return !one->get_name().empty() && !one->get_group().empty(); });
}

/// CLI11 keeps an option group as a command without a name.
std::vector<const CLI::App*> groups_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* one) { return one->get_name().empty(); });
}

std::string page_link(const std::string& name, int section) {
  return bold(name) + "(" + std::to_string(section) + ")";
}

std::string today() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr)
    return "";
  const auto seconds = static_cast<std::time_t>(std::strtoll(epoch, nullptr, 10));
  std::tm parts{};
  char text[16] = "";
  if (::gmtime_r(&seconds, &parts) == nullptr
      || std::strftime(text, sizeof text, "%Y-%m-%d", &parts) == 0)
    return "";
  return text;
}

/// "furrow: query and control" is "query and control": the page says the name of the program itself.
std::string description_of(const page& p) {
  auto text = p.app.get_description();
  const auto prefix = p.of.program + ": ";
  return text.rfind(prefix, 0) == 0 ? text.substr(prefix.size()) : text;
}

/// The line that `whatis` and `apropos` show.
std::string summary_of(const page& p) {
  auto text = description_of(p);
  text = text.substr(0, std::min({text.size(), text.find(". "), text.find('\n')}));
  while (!text.empty() && text.back() == '.')
    text.pop_back();
  return text;
}

std::string with_period(std::string text) {
  if (!text.empty() && text.back() != '.')
    text += '.';
  return text;
}

/// For texts that begin with a word and not with a value that somebody may type.
std::string sentence(std::string text) {
  if (!text.empty())
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return with_period(std::move(text));
}

std::string names(const std::set<CLI::Option*>& options) {
  std::string text;
  for (const auto* one : options)
    text += (text.empty() ? "" : ", ") + one->get_name();
  return text;
}

/// What an option takes, as CLI11 writes it: "TEXT:{table,json}", "UINT:INT in [1 - 16]", "TEXT:NAME".
struct value {
  std::string kind;  // "TEXT"
  std::string limit; // a sentence; empty: none
};

value value_of(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto colon = type.find(':');
  value out{type.substr(0, colon), ""};
  if (colon == std::string::npos)
    return out;
  auto rest = type.substr(colon + 1);
  if (rest.front() == '{' && rest.back() == '}') {
    rest = rest.substr(1, rest.size() - 2);
    for (auto at = rest.find(','); at != std::string::npos; at = rest.find(',', at + 2))
      rest.replace(at, 1, ", ");
    out.limit = " One of: " + rest + ".";
  } else if (const auto in = rest.find(" in ["); in != std::string::npos && rest.back() == ']') {
    auto range = rest.substr(in + 5, rest.size() - in - 6);
    if (const auto dash = range.find(" - "); dash != std::string::npos)
      range.replace(dash, 3, " to ");
    out.limit = " From " + range + ".";
  } else if (rest == "POSITIVE") {
    out.limit = " More than 0.";
  } else if (rest == "NONNEGATIVE") {
    out.limit = " 0 or more.";
  } else {
    out.kind = rest;
  }
  return out;
}

std::string term_of(const CLI::Option& option) {
  const bool takes_value = option.get_type_size() != 0;
  const auto kind = takes_value ? value_of(option).kind : "";
  if (option.get_positional())
    return italic(option.get_name(true));
  std::string text;
  for (const auto& one : option.get_snames())
    text += (text.empty() ? "" : ", ") + bold("-" + one);
  for (const auto& one : option.get_lnames())
    text += (text.empty() ? "" : ", ") + bold("--" + one);
  return kind.empty() ? text : text + " " + italic(kind);
}

std::string text_of(const CLI::Option& option) {
  auto text = with_period(option.get_description());
  if (option.get_type_size() != 0) {
    text += value_of(option).limit;
    if (!option.get_default_str().empty())
      text += " Default: " + option.get_default_str() + ".";
    if (option.get_expected_max() == CLI::detail::expected_max_vector_size)
      text += " May be given several times.";
    if (option.get_required())
      text += " Required.";
  }
  if (!option.get_envname().empty())
    text += " Environment: " + option.get_envname() + ".";
  if (!option.get_needs().empty())
    text += " Needs " + names(option.get_needs()) + ".";
  if (!option.get_excludes().empty())
    text += " Not together with " + names(option.get_excludes()) + ".";
  return text;
}

std::string entries(const std::vector<const CLI::Option*>& options) {
  std::string out;
  for (const auto* one : options)
    out += entry(term_of(*one), text_of(*one));
  return out;
}

std::string arguments(const CLI::App& app) {
  const auto all = app.get_options([](const CLI::Option* one) { return one->get_positional(); });
  return all.empty() ? "" : heading("ARGUMENTS") + entries(all);
}

/// How many options of a group must be given.
std::string duty_of(const CLI::App& group) {
  const auto least = group.get_require_option_min();
  const auto most = group.get_require_option_max();
  if (least == 0 && most == 0)
    return "";
  if (least == most)
    return "Exactly " + std::to_string(least) + " of these is required.";
  return least == 0 ? "At most " + std::to_string(most) + " of these may be given."
                    : "At least " + std::to_string(least) + " of these is required.";
}

std::string options(const CLI::App& app) {
  std::string out;
  for (const auto& group : app.get_groups()) {
    const auto in_group = app.get_options([&](const CLI::Option* one) {
      return !group.empty() && one->get_group() == group && !one->get_positional();
    });
    if (in_group.empty())
      continue;
    if (group != "Options")
      out += ".SS " + escaped(group) + "\n";
    out += entries(in_group);
  }
  for (const auto* group : groups_of(app)) {
    const auto inside =
      group->get_options([](const CLI::Option* one) { return !one->get_group().empty(); });
    if (inside.empty())
      continue;
    out += ".SS " + escaped(sentence(group->get_group())) + "\n" + prose(duty_of(*group))
           + entries(inside);
  }
  return out.empty() ? out : heading("OPTIONS") + out;
}

std::string synopsis(const page& p) {
  auto line = bold(p.command) + " [" + italic("OPTIONS") + "]";
  for (const auto* one :
       p.app.get_options([](const CLI::Option* one) { return one->get_positional(); })) {
    const auto dots = one->get_expected_max() > 1 ? " ..." : "";
    const auto text = italic(one->get_name(true)) + dots;
    line += one->get_required() ? " " + text : " [" + text + "]";
  }
  if (!commands_of(p.app).empty())
    line += p.app.get_require_subcommand_min() > 0 ? " " + italic("COMMAND")
                                                   : " [" + italic("COMMAND") + "]";
  return heading("SYNOPSIS") + line + "\n";
}

std::string commands(const page& p) {
  std::string out;
  for (const auto* one : commands_of(p.app))
    out += entry(page_link(p.name + "-" + one->get_name(), p.of.section),
                 sentence(one->get_description()));
  return out.empty() ? out : heading("COMMANDS") + out;
}

std::string exit_status(std::string_view text) {
  std::string out;
  for (const auto& [code, meaning] : exit_codes_of(text))
    out += entry(bold(code), sentence(meaning));
  return out.empty() ? out : heading("EXIT STATUS") + out;
}

std::string section(std::string_view title, const std::string& text) {
  return text.empty() ? "" : heading(title) + prose(text);
}

std::string see_also(const page& p) {
  std::string out;
  const auto add = [&](const std::string& link) { out += (out.empty() ? "" : ",\n") + link; };
  if (&p.app != &p.root)
    add(page_link(p.of.program, p.of.section));
  if (p.app.get_parent() != nullptr && p.app.get_parent() != &p.root)
    add(page_link(p.name.substr(0, p.name.rfind('-')), p.of.section));
  if (&p.app == &p.root)
    for (std::string_view rest = p.of.see_also; !rest.empty();) {
      const auto open = rest.find('(');
      add(bold(rest.substr(0, open)) + std::string{rest.substr(open, 3)});
      rest.remove_prefix(std::min(rest.size(), open + 5)); // "(1), "
    }
  return out.empty() ? out : heading("SEE ALSO") + out + "\n";
}

std::string text_of(const page& p) {
  auto below = read_footer(p.app.get_footer());
  // What holds for every command is said once, by the program.
  const auto general = read_footer(p.root.get_footer());
  if (below.exit_codes.empty())
    below.exit_codes = general.exit_codes;
  if (below.environment.empty())
    below.environment = general.environment;
  std::string upper = p.name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  auto out = ".TH " + escaped(upper) + " " + std::to_string(p.of.section) + " \"" + today()
             + "\" \"" + escaped("Furrow " + p.of.version) + "\" Furrow\n";
  // Long words, such as URLs, leave a gap when both margins are straight; and nothing is hyphenated that may be typed.
  out += ".ad l\n.nh\n";
  out += heading("NAME") + escaped(p.name) + " \\- " + escaped(summary_of(p)) + "\n";
  out += synopsis(p);
  out += heading("DESCRIPTION") + prose(sentence(description_of(p))) + prose(below.prose);
  if (&p.app != &p.root && p.app.get_fallthrough())
    out += "The options of " + page_link(p.of.program, p.of.section) + " may follow the command.\n";
  out += arguments(p.app) + options(p.app) + commands(p);
  if (!below.examples.empty())
    out += heading("EXAMPLES") + verbatim(below.examples);
  return out + section("SETTINGS", below.settings) + section("SIGNALS", below.signals)
         + exit_status(below.exit_codes) + section("ENVIRONMENT", below.environment) + see_also(p);
}

void add_pages(const page& p, std::map<std::string, std::string>& out) {
  out[p.name + "." + std::to_string(p.of.section)] = text_of(p);
  for (const auto* one : commands_of(p.app))
    add_pages(
      {p.of, p.root, *one, p.name + "-" + one->get_name(), p.command + " " + one->get_name()}, out);
}

} // namespace

std::map<std::string, std::string> pages_of(const CLI::App& app, const book& book) {
  std::map<std::string, std::string> out;
  add_pages({book, app, app, book.program, book.program}, out);
  return out;
}

std::optional<int>
write_if_asked(const CLI::App& app, const book& book, int argc, const char* const* argv) {
  if (argc != 3 || std::string_view{argv[1]} != "--man-pages")
    return std::nullopt;
  const std::filesystem::path folder{argv[2]};
  std::error_code ignored; // the files then say what is wrong
  std::filesystem::create_directories(folder, ignored);
  for (const auto& [name, text] : pages_of(app, book)) {
    errno = 0;
    std::ofstream file{folder / name, std::ios::binary};
    file << text;
    file.close();
    if (!file) {
      std::fprintf(stderr, "%s: cannot write %s: %s\n", book.program.c_str(),
                   (folder / name).c_str(), std::strerror(errno));
      return 1;
    }
  }
  return 0;
}

} // namespace furrow::manual
