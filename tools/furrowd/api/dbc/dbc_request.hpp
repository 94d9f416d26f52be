/// A DBC file as a request brings it: to be loaded, or only to be compared.
///
/// Errors: a problem that names the parameter.
/// Threads: a pure function.
#pragma once

#include "tools/furrowd/api/dbc/dbc_reach.hpp"

#include <variant>

namespace furrow::http {

struct dbc_request {
  storage::stored_dbc file; // name, content and encoding
  dbc_target target;
};

/// Takes the body of the call.
[[nodiscard]] std::variant<dbc_request, problem> to_dbc_request(call& call);

} // namespace furrow::http
