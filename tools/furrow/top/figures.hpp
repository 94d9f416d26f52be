/// The figures of `furrow top`: rows of nodes, actors, machines, writers and the pool, made of a node's answers.
///
/// Shape: a pane has rows in JSON, and columns that say how people read their members. A rate is the difference of the
///   last two answers that differ: a node may give the same answer for a second (furrowd --cache-ms).
/// Units: in the names of the members; a rate is null until there are two answers, or after a restart.
/// Threads: one at a time.
/// Limits: two answers of each list are kept.
#pragma once

#include "tools/furrow/output.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

enum class top_kind : std::uint8_t { text, number, rate, age };

struct top_column {
  const char* heading = "";
  const char* member = "";
  top_kind kind = top_kind::text;
};

struct top_pane {
  std::string name; // nodes, actors, machines, writers, pool
  std::vector<top_column> columns;
  std::vector<json> rows; // a member `bad` that is true: people should look at it
  std::string fault;      // why the rows are old or missing
};

/// The lists that `top` asks for, and the order of its panes.
inline constexpr const char* top_lists[] = {"nodes", "actors", "equipment", "ledger", "database"};

class top_figures {
public:
  /// An answer of the API, as it came, and when.
  void take(const std::string& list, json answer, double at_s);
  /// The list could not be had; its last rows stay.
  void miss(const std::string& list, const std::string& why);
  [[nodiscard]] std::vector<top_pane> panes() const;
  /// Whether there are two answers of the machines or of the actors to compare.
  [[nodiscard]] bool has_rates() const;

private:
  struct answers {
    json now;
    json before;
    double now_s = 0;
    double before_s = 0;
    std::string fault;
  };
  [[nodiscard]] const answers& of(const std::string& list) const;
  [[nodiscard]] top_pane nodes() const;
  [[nodiscard]] top_pane actors(bool writers) const;
  [[nodiscard]] top_pane machines() const;
  [[nodiscard]] top_pane pool() const;

  std::map<std::string, answers> seen_;
};

[[nodiscard]] cell top_cell(const json& row, const top_column& column);
[[nodiscard]] table table_of(const top_pane& pane);

/// Numbers from the largest, texts from the first; what is missing comes last in either direction.
void sort_rows(top_pane& pane, std::size_t column, bool reverse);

} // namespace furrow::cli
