/// A fresh database of one kind for one test, and steps for tests of a store.
///
/// Shape: the same test sources are built into storage_tests (SQLite) and storage_pg_tests
///   (PostgreSQL); each program has its own `make_bed`.
/// Errors: a store that does not answer within `patience` fails the test by an exception.
#pragma once

#include "storage/store.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

inline constexpr std::chrono::seconds patience{60};

class store_bed {
public:
  store_bed() = default;
  store_bed(const store_bed&) = delete;
  store_bed& operator=(const store_bed&) = delete;
  virtual ~store_bed() = default;

  [[nodiscard]] virtual std::string url() const = 0;
  /// Runs SQL directly on the database; tables have their bare names.
  virtual void tamper(const std::string& sql) = 0;
  /// The first column of the only row.
  virtual std::string value(const std::string& sql) = 0;

  [[nodiscard]] std::unique_ptr<storage::store> open() const;
  /// A store, open and migrated.
  [[nodiscard]] virtual std::unique_ptr<storage::store> open_migrated() const;
};

[[nodiscard]] std::unique_ptr<store_bed> make_bed();

/// Calls a function that takes a handler, and waits for the answer.
template <class T, class Call>
storage::result<T> answer_of(Call call) {
  auto promised = std::make_shared<std::promise<storage::result<T>>>();
  auto answer = promised->get_future();
  call([promised](storage::result<T> outcome) { promised->set_value(std::move(outcome)); });
  if (answer.wait_for(patience) != std::future_status::ready)
    throw std::runtime_error{"the store does not answer"};
  return answer.get();
}

template <class T>
T must(storage::result<T> outcome) {
  if (!outcome)
    throw std::runtime_error{std::string{to_string(outcome.code())} + ": "
                             + outcome.error().detail};
  return std::move(*outcome);
}

[[nodiscard]] can::stream_id stream_id_of(unsigned number);
[[nodiscard]] storage::claim_request request_for(const std::string& equipment,
                                                 unsigned stream,
                                                 std::vector<can::run_mark> runs = {{1, 1}});
[[nodiscard]] storage::claim_outcome claim(storage::store& store,
                                           const storage::claim_request& request);
[[nodiscard]] storage::result<storage::append_outcome> append(storage::appender& lane,
                                                              storage::append_batch batch);
[[nodiscard]] std::vector<storage::ledger_row> ledger(storage::store& store,
                                                      const std::string& equipment = {});
/// Every page, as one list of runs.
[[nodiscard]] std::vector<storage::frame_run> read_all(storage::store& store,
                                                       const storage::frames_query& query);

/// `count` frames of every kind: standard, extended, remote, error, FD, XL, raw DLC; ties and steps
/// back in time.
[[nodiscard]] can::frame_block
mixed_block(unsigned seed, std::size_t count, std::int64_t time_us = 1'700'000'000'000'000);
/// One append of `frames` frames numbered from `from` + 1.
[[nodiscard]] storage::stream_append
append_of(const storage::stream_claim& claim, std::uint64_t from, can::frame_block block);
void check_same_frames(const can::frame_block& stored, const can::frame_block& given);

} // namespace furrow::tests
