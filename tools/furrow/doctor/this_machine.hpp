/// What `furrow doctor` looks at on the machine that it runs on: folders, certificates, addresses, clock, limits.
///
/// Shape: `look_at_...` reads the facts, `remark_on_...` judges them; the judgements are plain functions.
/// Units: bytes, milliseconds, days.
/// Errors: what cannot be read is a remark with the reason.
/// Threads: blocks its caller. In a folder it writes one file of 4 KiB, which it removes again.
#pragma once

#include "storage/doctor/doctor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::cli {

/// How long a disk takes to save one small write, at half of several; nothing if the folder cannot be written to.
struct folder_facts {
  std::string folder;
  std::string fault; // why nothing is known
  std::uint64_t bytes = 0;
  std::uint64_t free_bytes = 0;
  bool in_memory = false; // a tmpfs
  std::optional<double> sync_ms;
};
[[nodiscard]] folder_facts look_at_folder(const std::string& folder);
[[nodiscard]] std::vector<storage::remark> remarks_on_folder(const folder_facts& facts);

/// The certificate of a PEM file that ends first.
struct certificate_facts {
  std::string file;
  std::string fault;
  std::int64_t begins_s = 0; // since 1970
  std::int64_t ends_s = 0;
};
[[nodiscard]] certificate_facts look_at_certificate(const std::string& file);
[[nodiscard]] storage::remark remark_on_certificate(const certificate_facts& facts,
                                                    std::int64_t now_s);

/// Whether a program on this machine could listen at HOST:PORT.
struct address_facts {
  std::string address;
  std::string fault;   // neither free nor in use
  bool in_use = false; // a program listens there
};
[[nodiscard]] address_facts look_at_address(const std::string& address);
/// `node_runs`: a node answered; it is then the one that listens.
[[nodiscard]] storage::remark remark_on_address(const address_facts& facts, bool node_runs);

/// Whether something keeps the clock of this machine right; nothing where the kernel does not say.
[[nodiscard]] std::optional<bool> clock_is_kept();
[[nodiscard]] storage::remark remark_on_machine_clock(std::optional<bool> kept);

/// Files that a program started from here may open.
[[nodiscard]] std::uint64_t open_files_max();
/// `open`: files that the node has open, where it is known.
[[nodiscard]] storage::remark
remark_on_open_files(std::uint64_t max, std::optional<std::uint64_t> open, const char* whose);

} // namespace furrow::cli
