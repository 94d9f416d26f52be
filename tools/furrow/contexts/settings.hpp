/// Which node a command asks, and with which credentials: the sources and their order.
///
/// Shape: flags, then the environment, then the context, then the default. A context that was typed (--context) stands
///   before the environment. A context counts as a whole: when another source names the node, neither the token nor the
///   certificates nor the farm of the context are used, so that no token goes to a node that it is not for. The token
///   and the file with a token are one credential: the first source that has one of them is used.
/// Threads: pure functions.
#pragma once

#include "tools/furrow/contexts/context_file.hpp"

#include <cstdint>
#include <string>

namespace furrow::cli {

enum class origin : std::uint8_t { standard, context, environment, flag };
[[nodiscard]] const char* to_string(origin from);

/// What one source says; empty: nothing.
struct node_choice {
  std::string at;
  std::string token;
  std::string token_file;
  std::string authorities;
  std::string farm;
};

struct setting {
  std::string value;
  origin from = origin::standard;
};

struct node_settings {
  setting at;
  setting token;
  setting token_file;
  setting authorities;
  setting farm;
};

[[nodiscard]] node_settings settings_of(const node_choice& flags,
                                        const node_choice& environment,
                                        const context* chosen,
                                        bool is_typed);

} // namespace furrow::cli
