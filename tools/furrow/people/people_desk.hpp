/// Users, tokens and the audit log, asked of a node (--at) or of a database (--database): the commands are the same.
///
/// Shape: JSON as the node's API speaks it. A farm is a name, "*" for the node, or empty for what the caller's token says.
/// Errors: as in exit_code.hpp.
/// Threads: a call blocks until it is done.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/exit_code.hpp"
#include "tools/furrow/globals.hpp"
#include "tools/furrow/list_wish.hpp"

#include <cstddef>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

namespace furrow::cli {

struct person_name {
  std::string farm;
  std::string name;
};
/// "north/anna", or the name with the farm of an option.
[[nodiscard]] person_name named(const std::string& text, const std::string& farm);

class people_desk {
public:
  people_desk() = default;
  people_desk(const people_desk&) = delete;
  people_desk& operator=(const people_desk&) = delete;
  virtual ~people_desk() = default;

  /// A list.
  [[nodiscard]] virtual result<json> users(const std::string& farm, const list_wish& wish) = 0;
  [[nodiscard]] virtual result<json> user(const person_name& who) = 0;
  /// With the password, if one was made.
  [[nodiscard]] virtual result<json> add_user(const json& wanted) = 0;
  [[nodiscard]] virtual result<json> change_user(const person_name& who, const json& change) = 0;
  [[nodiscard]] virtual result<json> remove_user(const person_name& who) = 0;
  [[nodiscard]] virtual result<json> tokens(const std::string& farm, const list_wish& wish) = 0;
  /// With the token.
  [[nodiscard]] virtual result<json> add_token(const json& wanted) = 0;
  [[nodiscard]] virtual result<json> revoke_token(const person_name& which) = 0;
  [[nodiscard]] virtual result<json> audit(const std::string& farm, std::size_t limit) = 0;
};

/// Of the database when there is a URL, else of the node.
[[nodiscard]] result<std::unique_ptr<people_desk>> open_desk(const globals& globals,
                                                             const std::string& url);
[[nodiscard]] result<std::unique_ptr<people_desk>> database_desk(const globals& globals,
                                                                 const std::string& url);

} // namespace furrow::cli
