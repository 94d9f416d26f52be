/// A transaction as a list of statements, for both databases: what each statement asks depends on the answers before it.
///
/// Shape: the text of a statement is the same for both databases, with marks that `sql_text` replaces. Parameters and answers
///   are texts.
/// Threads: a script belongs to one run; the texts are kept for the life of the program, behind a mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

enum class sql_dialect : std::uint8_t { postgres, sqlite };

/// In the marked text: "furrow." the schema, "@1" a parameter, "json@1" a parameter that holds JSON (an empty text is null),
/// "now@" the time of the database, "micros(x)" the column x as microseconds. The address stays valid.
[[nodiscard]] const std::string& sql_text(sql_dialect dialect, std::string_view marked);

using sql_cells = std::vector<std::optional<std::string>>;
using sql_answer = std::vector<sql_cells>;

struct sql_statement {
  const std::string* text = nullptr;
  std::vector<std::string> given;
};

struct sql_step {
  std::function<std::optional<sql_statement>()> ask; // nothing: this step is left out
  std::function<bool(const sql_answer&)> take; // false: nothing is changed, and the script ends
};

struct sql_script {
  bool changes = false; // in a transaction
  std::vector<sql_step> steps;
};

} // namespace furrow::storage
