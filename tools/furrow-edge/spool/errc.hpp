/// Errors at a gateway, grouped by what the gateway should do.
#pragma once

#include "can/result.hpp"

#include <cstdint>

namespace furrow::edge {

enum class errc : std::uint8_t {
  none = 0,
  usage = 1,   // the command line is invalid
  missing = 2, // no such file, device or spool
  locked = 3,  // another process has the spool open for writing
  foreign = 4, // not a spool, a spool of a newer program, or of another machine
  full = 5,    // no room now: the same call may succeed later
  damaged = 6, // the file does not hold what was written to it
  io = 7,      // the system reported an error; the detail says which
  gone = 8,    // the requested items are no longer in the spool
  known = 9,   // another stream of the machine holds the file already
};
[[nodiscard]] const char* to_string(errc code);

template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;

} // namespace furrow::edge
