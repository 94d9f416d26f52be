/// Asks a store in a coroutine.
///
/// Errors: a problem when the store fails, or does not answer within the limit.
/// Threads: as ask.hpp.
#pragma once

#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"

#include <chrono>
#include <utility>
#include <variant>

namespace furrow::http {

/// `start` is called with a storage::handler<T>.
template <class T, class Start>
boost::asio::awaitable<std::variant<T, problem>> ask_store(Start start,
                                                           std::chrono::milliseconds limit) {
  auto said = co_await ask<storage::result<T>>(std::move(start), limit);
  if (!said)
    co_return no_answer("database");
  if (!*said)
    co_return to_problem(said->error());
  co_return std::move(**said);
}

} // namespace furrow::http
