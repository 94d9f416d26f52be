/// What can go wrong with a configuration, and results that say it.
///
/// Errors: the detail is one line for a person: the place, the key, the limit.
#pragma once

#include "can/result.hpp"

#include <cstdint>

namespace furrow::config {

enum class errc : std::uint8_t {
  none = 0,
  missing = 1,    // the file does not exist
  unreadable = 2, // a file cannot be opened or read
  invalid = 3,    // a file or a value is wrong
};

template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;

} // namespace furrow::config
