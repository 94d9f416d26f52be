/// Errors of reading a log file.
#pragma once

#include "can/result.hpp"

#include <cstdint>

namespace furrow::logs {

enum class errc : std::uint8_t {
  none = 0,
  usage = 1,   // an option is invalid
  damaged = 2, // the bytes cannot be unpacked
};

template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;

} // namespace furrow::logs
