/// Imports the rows of one machine into one stream: numbers them in the order of the source, claims the stream once,
/// and appends. A killed import continues at the watermark.
///
/// Shape: the stream's id is made from the names of the import and the machine, so that the same import finds its
///   stream again. Rows up to the watermark are read and hashed, and not stored again.
/// Errors: as the store's. After an error, drop the object; another run continues.
/// Threads: one; one append runs while the next is filled.
/// Limits: memory for two times `rows_an_append` rows.
/// Source: docs/decisions/0001-one-recovery-path.md.
#pragma once

#include "storage/store.hpp"
#include "tools/furrow/database/import_row.hpp"
#include "tools/furrow/exit_code.hpp"

#include <openssl/evp.h>

#include <functional>
#include <future>
#include <memory>
#include <string>

namespace furrow::cli {

inline constexpr std::uint64_t rows_an_append = 65'536;
/// Kind of the quarantined records for rows that are not frames: the last kind that users may use.
inline constexpr std::uint16_t record_kind_row = 0x3FFF;

template <class T>
[[nodiscard]] std::future<storage::result<T>>
asked(const std::function<void(storage::handler<T>)>& start) {
  auto promised = std::make_shared<std::promise<storage::result<T>>>();
  auto coming = promised->get_future();
  start([promised](storage::result<T> answer) { promised->set_value(std::move(answer)); });
  return coming;
}

/// SHA-256 over number, time, header and payload of frames, in order.
class frame_hash {
public:
  frame_hash();
  void add(std::uint64_t seq, const can::frame_view& frame);
  [[nodiscard]] std::string hex();

private:
  void flush();
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest_;
  std::string bytes_;
};

class import_stream {
public:
  /// The stream of a machine's rows in the import of this name.
  [[nodiscard]] static can::stream_id stream_of(const std::string& name,
                                                const storage::source_group& group);
  [[nodiscard]] static storage::result<std::unique_ptr<import_stream>>
  claim(storage::store& store,
        storage::appender& lane,
        const std::string& name,
        const storage::source_group& group);

  [[nodiscard]] storage::result<done> add(const storage::source_row& row, storage::time_unit unit);
  /// Returns when all added rows are durable.
  [[nodiscard]] storage::result<done> finish();
  /// Reads the stream back after `finish` and returns how it differs from the rows; empty if it does not.
  [[nodiscard]] storage::result<std::string> difference();

  std::uint64_t rows = 0;
  std::uint64_t frames = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t known = 0; // durable before this run

private:
  import_stream(storage::store& store, storage::appender& lane) : store_{store}, lane_{lane} {}
  void keep_frame(const imported_frame& frame);
  [[nodiscard]] storage::result<done> send();
  [[nodiscard]] storage::result<done> settle();

  storage::store& store_;
  storage::appender& lane_;
  std::string farm_;
  std::string equipment_;
  can::stream_id stream_id_{};
  storage::stream_claim claim_;
  can::bus_table buses_;
  std::size_t buses_sent_ = 0;
  frame_hash hash_;
  storage::stream_append next_;
  std::future<storage::result<storage::append_outcome>> under_way_;
};

} // namespace furrow::cli
