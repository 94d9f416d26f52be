/// What a simulated database server holds, and the requests and answers of its clients.
///
/// Threads: plain values.
#pragma once

#include "storage/append/append_plan.hpp"
#include "tests/simulation/stage/oracle.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace furrow::simulation {

/// One start of a node's process.
using incarnation = std::uint64_t;

struct stream_row {
  std::int32_t id = 0;
  std::string equipment;
  can::stream_id stream{};
  std::int64_t epoch = 0;
  incarnation owner = 0; // of the newest claim
  std::vector<can::run_mark> runs;
  std::vector<item_code> codes;       // all items, by number from 1
  std::set<std::uint64_t> first_seqs; // of the rows, as the primary key has them
  [[nodiscard]] std::uint64_t seq() const { return codes.size(); }
};

enum class node_status : std::uint8_t { alive, draining, dead, left };

struct node_row {
  incarnation owner = 0;
  node_status status = node_status::alive;
  time_point lease_until{};
  time_point unbroken_since{}; // without a lapse
};

struct tables {
  std::map<std::int32_t, stream_row> streams;
  std::map<std::string, node_row> nodes;
  std::map<std::string, std::string> pins; // machine and node
  std::uint32_t timeline = 1;              // as the judges know it
  time_point quiet_until{};

  [[nodiscard]] stream_row* find(const std::string& equipment, const can::stream_id& stream);
  [[nodiscard]] const stream_row* find(const can::stream_id& stream) const;
};

/// A change, as the write-ahead log has it.
using change = std::function<void(tables&)>;

/// A row of can_block, or one record.
struct stored_row {
  std::int32_t stream = 0;
  std::uint64_t seq_first = 0;
  std::vector<item_code> codes;
  bool quarantined = false; // the database takes these bytes, whatever they are
};

struct append_request {
  bool check = false;
  std::vector<storage::watermark_step> steps;
  std::vector<stored_row> rows;
};

[[nodiscard]] append_request copied(const storage::append_attempt& attempt);

struct reply {
  bool lost = false; // no answer: the connection is lost, or took too long
  std::string sqlstate;
  std::vector<std::int32_t> streams; // that the error names
  std::vector<incarnation> owners;   // of a fence: who holds each of the streams
  std::vector<storage::claim_outcome> claims;
  bool mine = false; // of a lease
  bool late = false; // the lease of another node is past
  std::uint32_t timeline = 0;
  std::map<std::string, node_row> nodes;
  std::map<std::string, std::string> pins;
};
using answer = std::function<void(const reply&)>;
[[nodiscard]] inline reply no_answer() {
  reply out;
  out.lost = true;
  return out;
}

} // namespace furrow::simulation
