/// Exit codes of the commands of `furrow`. Scripts rely on these numbers.
///
/// Errors: `errc` is also the exit code; the detail is one line that ends with what to do next.
#pragma once

#include "can/result.hpp"

#include <cstdint>

namespace furrow::cli {

enum class errc : std::uint8_t {
  none = 0,
  failed = 1,
  usage = 2,
  cannot_connect = 3,
  not_found = 4,
  timed_out = 5,
};

template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;

/// Prints the error on standard error and returns the exit code.
[[nodiscard]] int report(const failure& what);

} // namespace furrow::cli
