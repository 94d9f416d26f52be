#include "storage/verdict.hpp"

#include <algorithm>
#include <array>

namespace furrow::storage {

verdict judge_sqlstate(std::string_view sqlstate) {
  if (sqlstate == fenced_sqlstate)
    return verdict::fenced;
  if (sqlstate == held_sqlstate)
    return verdict::held;
  if (sqlstate == "23505")
    return verdict::duplicate;
  constexpr std::array<std::string_view, 4> passing{"40001", "40P01", "55P03", "57014"};
  if (std::find(passing.begin(), passing.end(), sqlstate) != passing.end())
    return verdict::again;
  const auto state_class = sqlstate.substr(0, 2);
  // 54: a row exceeds a limit. P0: a user's trigger rejected the row. 44: a view's check option
  // rejected it.
  constexpr std::array<std::string_view, 5> data{"22", "23", "44", "54", "P0"};
  if (std::find(data.begin(), data.end(), state_class) != data.end())
    return verdict::poison;
  constexpr std::array<std::string_view, 6> set_up{"0A", "0P", "28", "3D", "3F", "42"};
  if (std::find(set_up.begin(), set_up.end(), state_class) != set_up.end())
    return verdict::misconfigured;
  return verdict::retry_later;
}

errc to_errc(verdict what) {
  switch (what) {
  case verdict::again:
  case verdict::held:
  case verdict::retry_later:
    return errc::retry_later;
  case verdict::misconfigured:
    return errc::misconfigured;
  case verdict::poison:
  case verdict::duplicate:
    return errc::reject_row;
  case verdict::fenced:
    return errc::fenced;
  }
  return errc::retry_later;
}

} // namespace furrow::storage
