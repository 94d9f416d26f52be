/// Records as a client sends them over HTTP: read from the body of a request, and what became of each.
///
/// Shape: a record is an object with `kind` (a name, or the number of any kind), `time`, and the fields of its kind as
///   GET shows them; a record of another kind has `body`, any JSON object, which is kept as it was written.
/// Errors: a body that is not JSON is a problem as a whole. A record that cannot be stored has a reason; the others are
///   stored.
/// Threads: pure functions.
/// Limits: storage::record_batch_max records.
#pragma once

#include "storage/records.hpp"
#include "tools/furrowd/http/message.hpp"
#include "tools/json/rows_json.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::http {

struct posted_records {
  bool many = false;                // an array
  std::vector<can::record> records; // that can be read
  std::vector<std::string>
    refused; // one for each that was posted: why not; empty: it is in `records`
};

/// `kind`: of all records that name none.
[[nodiscard]] std::variant<posted_records, problem> read_posted(std::string_view body,
                                                                const std::string* kind);

/// The answer in JSON: `stored` and `reason` for each record, in the order of the request.
[[nodiscard]] json_rows::json posted_json(const posted_records& posted,
                                          const storage::record_batch_outcome& outcome,
                                          const std::string& key);

} // namespace furrow::http
