/// The steps of a digest as plain calls.
#pragma once

#include "can/live/stream_digest.hpp"
#include "storage/digest_store.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <vector>

namespace furrow::tests {

/// The messages that Furrow ships.
[[nodiscard]] std::shared_ptr<const can::decode_plan> catalogue_plan();

class plain_digest {
public:
  explicit plain_digest(storage::store& store);

  [[nodiscard]] std::vector<storage::digest_stream> pending(std::int32_t after = 0);
  /// Up to `items` of this stream, ready to be committed.
  [[nodiscard]] storage::digest_commit run(const storage::digest_stream& of, std::uint64_t items);
  [[nodiscard]] std::vector<bool> commit(const storage::digest_batch& what);
  [[nodiscard]] bool commit(const storage::digest_commit& what);
  void run_all(std::uint64_t items = std::numeric_limits<std::int32_t>::max());

  std::int64_t mark_after_us = std::numeric_limits<std::int64_t>::max();

private:
  [[nodiscard]] std::int32_t number_of(std::uint32_t signal);

  storage::digest_store* lane_;
  std::vector<std::int32_t> ids_; // the database's numbers of the plan's signals
  std::map<std::uint32_t, std::int32_t> process_ids_; // of process data, by the digest's numbers
};

} // namespace furrow::tests
