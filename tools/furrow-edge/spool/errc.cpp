#include "tools/furrow-edge/spool/errc.hpp"

namespace furrow::edge {

const char* to_string(errc code) {
  switch (code) {
  case errc::none:
    return "nothing is wrong";
  case errc::usage:
    return "cannot be asked for";
  case errc::missing:
    return "not there";
  case errc::locked:
    return "in use by another process";
  case errc::foreign:
    return "not a spool of this machine and program";
  case errc::full:
    return "no room";
  case errc::damaged:
    return "damaged";
  case errc::io:
    return "refused by the system";
  case errc::gone:
    return "no longer in the spool";
  }
  return "unknown";
}

} // namespace furrow::edge
