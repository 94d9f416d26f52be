#include "tools/furrow-edge/spool/errc.hpp"

namespace furrow::edge {

const char* to_string(errc code) {
  switch (code) {
  case errc::none:
    return "no error";
  case errc::usage:
    return "invalid request";
  case errc::missing:
    return "not found";
  case errc::locked:
    return "in use by another process";
  case errc::foreign:
    return "not a spool of this machine and program";
  case errc::full:
    return "no room";
  case errc::damaged:
    return "damaged";
  case errc::io:
    return "the system reported an error";
  case errc::gone:
    return "no longer in the spool";
  case errc::known:
    return "stored before";
  }
  return "unknown";
}

} // namespace furrow::edge
