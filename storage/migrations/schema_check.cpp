#include "storage/migrations/schema_check.hpp"

#include <array>
#include <sstream>
#include <vector>

namespace furrow::storage {

namespace {

constexpr std::array<soundness_rule, 10> rules{{
  {"ledger: items lost", "select coalesce(sum(lost), 0) from {}ledger"},
  {"ledger: items doubled", "select coalesce(sum(doubled), 0) from {}ledger"},
  {"streams without a watermark",
   "select count(*) from {}stream s where not exists (select 1 from {}stream_watermark w where "
   "w.stream = s.id)"},
  {"items of unknown streams",
   "select count(*) from {}held h where not exists (select 1 from {}stream s where s.id = "
   "h.stream)",
   2},
  {"blocks under another machine than their stream",
   "select count(*) from {}can_block b join {}stream s on s.id = b.stream where b.equipment_id <> "
   "s.equipment_id"},
  {"blocks whose first time is after their last",
   "select count(*) from {}can_block where time_first > time_last"},
  {"blocks whose columns differ in length",
   "select count(*) from {}can_block where cardinality(header_index) <> frames or "
   "cardinality(time_offset) <> frames or cardinality(payload) <> frames",
   1, true},
  {"digests ahead of their watermark",
   "select count(*) from {}digest d join {}stream_watermark w on w.stream = d.stream where d.seq > "
   "w.seq",
   3},
  {"chunks whose segments do not add up",
   "select count(*) from {}can_chunk c where c.frames <> (select coalesce(sum(s.frames), 0) from "
   "{}can_segment s where s.stream = c.stream and s.chunk = c.seq_first and s.time_first >= "
   "c.time_first and s.time_first <= c.time_last)",
   4, true},
  {"chunks whose runs do not add up",
   "select count(*) from {}can_chunk c where c.frames <> (select coalesce(sum(r), 0) from "
   "unnest(c.run_frames) r)",
   4, true},
}};

/// Words of a statement's head; names come without the schema and quotes.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto flush = [&] {
    if (word.starts_with("furrow."))
      word.erase(0, 7);
    std::erase(word, '"');
    if (!word.empty())
      out.push_back(word);
    word.clear();
  };
  for (const char letter : text) {
    if (letter == ' ' || letter == '\n' || letter == '(' || letter == ',' || letter == ';') {
      flush();
      if (letter == '(' || letter == ',')
        out.emplace_back(1, letter);
    } else
      word += letter;
  }
  flush();
  return out;
}

bool is_kind(const std::string& word) {
  return word == "table" || word == "index" || word == "view" || word == "function";
}

/// A column is a line of a create table that is indented once and begins with a name.
void add_columns(const std::string& table, std::istream& in, std::set<std::string>& out) {
  static const std::set<std::string> no_columns{"primary",    "unique",  "check", "foreign",
                                                "constraint", "exclude", "like"};
  for (std::string line; std::getline(in, line) && !line.starts_with(')');) {
    if (!line.starts_with("  ") || line.starts_with("   ") || line.starts_with("  --"))
      continue;
    const auto words = words_of(line);
    if (words.size() > 1 && !no_columns.contains(words[0]))
      out.insert("column " + table + "." + words[0]);
  }
}

void alter_table(const std::vector<std::string>& words, std::set<std::string>& out) {
  const auto& table = words[2];
  for (std::size_t i = 3; i + 2 < words.size(); ++i) {
    if (words[i + 1] != "column")
      continue;
    const auto name = "column " + table + "." + words[i + 2];
    if (words[i] == "add")
      out.insert(name);
    else if (words[i] == "drop")
      out.erase(name);
  }
}

void drop(const std::vector<std::string>& words, std::set<std::string>& out) {
  std::size_t at = 2;
  if (words.size() > 4 && words[2] == "if")
    at = 4;
  if (words.size() <= at || !is_kind(words[1]))
    return;
  out.erase(words[1] + " " + words[at]);
  if (words[1] == "table")
    std::erase_if(
      out, [&](const std::string& each) { return each.starts_with("column " + words[at] + "."); });
}

void create(const std::string& line, std::istream& in, std::set<std::string>& out) {
  const auto words = words_of(line);
  std::size_t at = 1;
  while (at < words.size()
         && (words[at] == "or" || words[at] == "replace" || words[at] == "unique"))
    ++at;
  if (at + 1 >= words.size() || !is_kind(words[at]))
    return;
  const auto& kind = words[at];
  if (words[at + 1] == "if")
    at += 3; // not exists
  if (at + 1 >= words.size())
    return;
  out.insert(kind + " " + words[at + 1]);
  if (kind == "table" && line.ends_with("("))
    add_columns(words[at + 1], in, out);
}

/// A statement that continues below its first line.
std::string rest_of(std::string line, std::istream& in) {
  for (std::string more; line.find(';') == std::string::npos && std::getline(in, more);)
    line += "\n" + more;
  return line;
}

} // namespace

std::span<const soundness_rule> soundness_rules() {
  return rules;
}

std::string with_schema(std::string_view sql, std::string_view schema) {
  std::string out;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    if (sql.substr(at, 2) == "{}") {
      out += schema;
      ++at;
    } else
      out += sql[at];
  }
  return out;
}

std::set<std::string> expected_objects(std::span<const migration> steps, std::uint32_t newest) {
  std::set<std::string> out;
  for (const auto& step : steps) {
    if (step.number > newest)
      break;
    std::istringstream in{std::string{step.sql}};
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("create "))
        create(line, in, out);
      else if (line.starts_with("alter table "))
        alter_table(words_of(rest_of(line, in)), out);
      else if (line.starts_with("drop "))
        drop(words_of(line), out);
    }
  }
  return out;
}

} // namespace furrow::storage
