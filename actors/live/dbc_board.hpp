/// People's own DBC files, compiled: which plan decodes the frames of which machine.
///
/// Shape: the node sets the active files when they change. Machines with the same files share a plan.
/// Errors: a file that cannot be read is left out; the caller of `set` is told.
/// Threads: safe from any.
/// Limits: as many plans as there are different sets of files.
#pragma once

#include "can/dbc/spn_index.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/digest_store.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace furrow::actors {

struct own_definitions {
  std::shared_ptr<const can::decode_plan> plan;
  std::vector<storage::digest_signal> signals; // by their numbers in the plan
  can::spn_index by_spn;                       // of the plan
};

class dbc_board {
public:
  /// Returns what is wrong with files that were left out, a line each.
  [[nodiscard]] std::vector<std::string> set(storage::active_dbc active);
  /// Of the files that are set; empty at first.
  [[nodiscard]] std::string stamp() const;
  /// Grows with every `set`.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  /// For a machine; nullptr where no file applies to it.
  [[nodiscard]] std::shared_ptr<const own_definitions> of(const std::string& farm,
                                                          const std::string& equipment) const;

private:
  struct read_file {
    storage::stored_dbc stored; // without its content
    std::shared_ptr<const can::dbc_file> file;
  };
  [[nodiscard]] std::shared_ptr<const own_definitions>
  compiled(const std::vector<const read_file*>& files) const;

  std::atomic<std::uint64_t> generation_ = 0;
  mutable std::mutex mutex_;
  std::string stamp_;
  std::vector<read_file> files_; // the closest first
  mutable std::map<std::string, std::shared_ptr<const own_definitions>> compiled_; // by ids
};

} // namespace furrow::actors
