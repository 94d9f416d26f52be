/// The facts that a move compares: row counts, and hashes of the content, of frames one by one.
///
/// Shape: both sides feed rows in the same order. Most rows are hashed in PostgreSQL's binary COPY format. JSON is
///   hashed by its value, because PostgreSQL rewrites it. Frames are hashed by number, time, header and payload, per
///   stream, so that their division into blocks does not matter.
/// Errors: misconfigured for a row that COPY would not write.
/// Threads: plain values.
/// Source: PostgreSQL 15, COPY (binary format); SHA-256 of OpenSSL.
#pragma once

#include "can/frame/frame_block.hpp"
#include "storage/errc.hpp"
#include "storage/move/tables.hpp"

#include <openssl/evp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace furrow::storage {

/// SHA-256 over a sequence of bytes.
class content_hash {
public:
  content_hash();
  void add(std::string_view bytes);
  template <class T>
  void number(T value) {
    add({reinterpret_cast<const char*>(&value), sizeof value});
  }
  [[nodiscard]] std::string hex();

private:
  void flush();
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest_;
  std::string bytes_;
};

struct copy_facts {
  std::uint64_t rows = 0;
  std::uint64_t frames = 0;
  std::map<std::int32_t, std::string> hashes; // by stream; a table without frames has stream 0
  friend bool operator==(const copy_facts&, const copy_facts&) = default;
};

/// Collects the facts of one table.
class facts_of_table {
public:
  explicit facts_of_table(const copied_table& table)
    : table_{table}, plain_{!table.has(copy_type::json)} {}

  /// A row in binary COPY format, with its count of fields.
  [[nodiscard]] result<done> add_row(std::string_view row);
  /// Frames [first, first + count) of a block, whose first number is `seq_first`.
  void add_block(std::int32_t stream,
                 std::int32_t equipment,
                 std::uint64_t seq_first,
                 const can::frame_block& block,
                 std::size_t first,
                 std::size_t count);
  [[nodiscard]] copy_facts take();

private:
  const copied_table& table_;
  const bool plain_;
  copy_facts facts_;
  std::map<std::int32_t, content_hash> hashes_;
};

} // namespace furrow::storage
