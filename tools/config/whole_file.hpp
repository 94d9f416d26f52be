/// Reads a small file whole, and a secret from a file.
///
/// Shape: a secret is the first line of its file, without its line end. Pipes work: `--token-file <(command)`.
/// Errors: one line that names the file. Code `missing`: no such file.
/// Threads: any.
/// Limits: what the caller allows; a secret has at most 64 KiB.
#pragma once

#include "tools/config/errc.hpp"

#include <cstddef>
#include <string>

namespace furrow::config {

struct whole_file {
  std::string text;
  bool is_open_to_others = false;     // users beside its owner and its group can read it
  bool is_writable_by_others = false; // users beside this one and root can change it
};
[[nodiscard]] result<whole_file> read_whole(const std::string& path, std::size_t bytes_max);

struct secret {
  std::string text;
  /// Why the file does not keep the secret; empty when it does. It is no error: containers mount secrets with mode 0444.
  std::string warning;
};
[[nodiscard]] result<secret> read_secret(const std::string& path);

} // namespace furrow::config
