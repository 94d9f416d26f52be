/// Opens a database directly, without a node, and waits for its answers.
///
/// Errors: as in exit_code.hpp; messages show the URL without its password.
/// Threads: blocks the calling thread.
#pragma once

#include "storage/store.hpp"
#include "tools/furrow/exit_code.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::cli {

/// Puts the URL before a message of the database; a file's name is not repeated.
[[nodiscard]] inline std::string with_url(const std::string& url, std::string_view detail) {
  constexpr std::string_view sqlite_scheme = "sqlite:";
  if (url.starts_with(sqlite_scheme)) {
    const auto path = url.substr(sqlite_scheme.size()) + ": ";
    if (detail.starts_with(path))
      detail.remove_prefix(path.size());
  }
  return fmt::format("{}: {}", storage::redacted(url), detail);
}

[[nodiscard]] inline failure to_failure(const storage::failure& why, const std::string& url) {
  const auto code = why.code == storage::errc::retry_later ? errc::cannot_connect
                    : why.code == storage::errc::not_found ? errc::not_found
                                                           : errc::failed;
  return {code, with_url(url, why.detail)};
}

/// Error of work that stores in steps. If the work was not rejected, the message says that the same command continues.
[[nodiscard]] inline failure stopped_halfway(const storage::failure& why, const std::string& url) {
  auto out = to_failure(why, url);
  if (why.code == storage::errc::retry_later || why.code == storage::errc::in_doubt)
    out.detail += "; what was stored stays: run the same command again to continue";
  return out;
}

/// Opens a database that exists. SQLite would create a missing file, which is right for a node and wrong for a query.
[[nodiscard]] inline result<std::unique_ptr<storage::store>>
open_directly(const std::string& url, const char* name = "furrow/cli") {
  constexpr std::string_view sqlite_scheme = "sqlite:";
  if (url.starts_with(sqlite_scheme) && url.size() > sqlite_scheme.size()
      && !std::filesystem::exists(url.substr(sqlite_scheme.size())))
    return failure{errc::cannot_connect, with_url(url, "there is no such database")};
  storage::store_options options;
  options.url = url;
  options.application_name = name;
  auto opened = storage::open_store(options);
  if (!opened)
    return to_failure(opened.error(), url);
  return std::move(*opened);
}

/// Calls `start` with a handler and waits for its answer.
template <class T, class Start>
[[nodiscard]] result<T>
wait_for(Start start, const std::string& url, std::chrono::milliseconds timeout) {
  // The handler may run after the wait has ended.
  auto promised = std::make_shared<std::promise<storage::result<T>>>();
  auto coming = promised->get_future();
  start(storage::handler<T>{
    [promised](storage::result<T> answer) { promised->set_value(std::move(answer)); }});
  if (coming.wait_for(timeout) != std::future_status::ready)
    return failure{errc::timed_out,
                   storage::redacted(url)
                     + " did not answer in time (a larger --timeout waits longer)"};
  auto answer = coming.get();
  return answer ? result<T>{std::move(*answer)} : to_failure(answer.error(), url);
}

/// Returns the given farm, or the farm that has the machine. The given one, too, when several farms have such a machine:
/// what reads the machine then reports it.
[[nodiscard]] inline result<std::string> farm_with(storage::store& store,
                                                   const std::string& farm,
                                                   const std::string& equipment,
                                                   const std::string& url,
                                                   std::chrono::milliseconds timeout) {
  const auto machines = wait_for<std::vector<storage::equipment_row>>(
    [&](auto done) { store.list_equipment(farm, std::move(done)); }, url, timeout);
  if (!machines)
    return machines.error();
  std::string out;
  for (const auto& machine : *machines)
    if (machine.name == equipment)
      out = out.empty() ? machine.farm : farm;
  return out.empty() ? farm : out;
}

} // namespace furrow::cli
