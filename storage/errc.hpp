/// The store's error codes, and the handler type that receives each result once.
///
/// Errors: `errc` says what the caller should do; the detail holds the SQLSTATE and the server's message.
#pragma once

#include "can/result.hpp"

#include <cstdint>
#include <functional>

namespace furrow::storage {

enum class errc : std::uint8_t {
  none = 0,
  retry_later = 1, // the database is away, busy or full: the same call may succeed later
  reject_row = 2,  // the database will never take this value
  in_doubt =
    3,        // the connection was lost, or a warning came, during the commit: read what is stored
  fenced = 4, // a newer claim of the stream exists
  misconfigured = 5, // wrong credentials, wrong schema version, no such database: a person must act
  not_found = 6,     // no such equipment, stream, table
};
[[nodiscard]] const char* to_string(errc code);

template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;
template <class T>
using handler = std::function<void(result<T>)>;

} // namespace furrow::storage
