/// The form in which a client gets a whole body: compressed where the client reads gzip, and left out where the client
/// has it already.
///
/// Shape: an answer 200 to GET or HEAD gets a weak `ETag` of its content, unless the route gives one or says how the
///   answer may be cached. `If-None-Match` with that tag gets 304. Bodies of texts and JSON from compress_bytes_min on are gzip.
/// Errors: a body that cannot be compressed stays as it is.
/// Threads: pure functions.
/// Limits: compressing takes about 10 ms of CPU a MiB.
/// Source: RFC 9110, sections 8.8.3 and 13.1.2; RFC 1952.
#pragma once

#include "tools/furrowd/http/message.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

inline constexpr std::size_t compress_bytes_min = 1'024;

/// What the header of a request says about the body of its answer.
struct body_wish {
  bool reads = false; // GET or HEAD
  bool gzip = false;
  std::string if_none_match = {};
};

void fit_body(response& answer, const body_wish& wish);

[[nodiscard]] std::optional<std::string> gzip(std::string_view text);

} // namespace furrow::http
