/// The configuration of the node on this machine, as `furrowd` itself judges and shows it.
///
/// Shape: runs `furrowd config check` and `furrowd config show`: the program beside this one, or the one in PATH. So the
///   judgement is that of the program that will read the file.
/// Errors: what furrowd says of an invalid configuration is a remark. Without furrowd there is one remark.
/// Threads: blocks its caller.
/// Limits: reads at most 1 MiB of an answer.
#pragma once

#include "storage/doctor/doctor.hpp"

#include <string>
#include <vector>

namespace furrow::cli {

struct configuration_facts {
  storage::remark remark;
  std::vector<std::string> addresses;    // of listen, http and link
  std::vector<std::string> certificates; // of both kinds of TLS
  std::string database;                  // empty: not set, or its URL is a secret
  std::string password_file;             // of the database
};
[[nodiscard]] configuration_facts look_at_configuration(const std::string& file);

/// Adds the facts of what `furrowd config show` printed.
void read_settings(const std::string& shown, configuration_facts& into);

} // namespace furrow::cli
