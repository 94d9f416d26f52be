/// The contexts of `furrow context`: names for nodes, in contexts.toml of the user.
///
/// Shape: `current = "NAME"`, and a table `[context."NAME"]` for each with `at`, `token_file`, `ca`, `farm`. A token is
///   never in this file.
/// Errors: one line, `file:line:column: what`, with what to do; nothing of a damaged file is used. A file that others may
///   write to is refused: it decides where tokens are sent.
/// Threads: any; changes by several processes follow each other.
/// Limits: a name has 64 characters.
#pragma once

#include "tools/config/errc.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::cli {

struct context {
  std::string name;
  std::string at;
  std::string token_file;  // absolute; empty: the session of `furrow login`
  std::string authorities; // absolute; PEM
  std::string farm;
};

struct context_list {
  std::string current;      // empty: none
  std::vector<context> all; // in the order of their names

  [[nodiscard]] const context* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;
  /// Replaces the context of the same name.
  void put(context one);
  /// False: there is none.
  bool remove(std::string_view name);
};

/// Why this cannot be the name of a context; empty: it can.
[[nodiscard]] std::string context_name_fault(std::string_view name);

[[nodiscard]] config::result<context_list> parse_contexts(std::string_view text,
                                                          const std::string& source);
[[nodiscard]] std::string to_toml(const context_list& list);

/// Empty: the user has no folder for it.
[[nodiscard]] std::string contexts_file();
/// A file that does not exist has no contexts.
[[nodiscard]] config::result<context_list> read_contexts(const std::string& path);
/// Reads the file, changes the list and writes it; writes nothing when `change` fails.
[[nodiscard]] config::result<done>
change_contexts(const std::string& path,
                const std::function<config::result<done>(context_list&)>& change);

} // namespace furrow::cli
