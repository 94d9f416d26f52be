#include "tools/furrowd/http/store_problem.hpp"

#include "storage/series/time_zone.hpp"

#include <fmt/format.h>

namespace furrow::http {

problem to_problem(const storage::failure& failure) {
  switch (failure.code) {
  case storage::errc::none:
    break;
  case storage::errc::retry_later:
  case storage::errc::in_doubt:
    return {503, "database_away", failure.detail,
            "try again; /monitoring/database shows the state of the main database, `furrow farm "
            "status FARM` that of the farm's"};
  case storage::errc::reject_row:
    if (failure.detail.starts_with(storage::unknown_zone_text))
      return {
        400, "bad_parameter", failure.detail,
        "zone=farm means that of the machine's farm: `furrow farm show` shows it, and `furrow "
        "farm update --time-zone` changes it"};
    return {400, "rejected_value", failure.detail, "the database cannot store this value"};
  case storage::errc::fenced:
    return {409, "fenced", failure.detail, "a newer session has taken over"};
  case storage::errc::misconfigured:
    return {503, "database_misconfigured", failure.detail,
            "see `furrow db status`; `furrow db migrate` creates a missing schema"};
  case storage::errc::not_found:
    return {404, "not_found", failure.detail,
            failure.detail.rfind("no signal ", 0) == 0
              ? "`furrow signals EQUIPMENT` lists the signals of a machine"
              : "`furrow equipment` lists the machines"};
  }
  return {500, "internal", failure.detail, ""};
}

problem no_answer(const char* who) {
  return {504, "no_answer", fmt::format("the {} did not answer in time", who), "try again"};
}

} // namespace furrow::http
