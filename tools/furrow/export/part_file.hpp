/// The file of an export while it grows: FILE.part, with FILE.part.position beside it, and FILE when it is whole.
///
/// Shape: the position says how many bytes of FILE.part are good and where the export goes on after them. What stands
///   behind these bytes is cut off.
/// Errors: one line that names the file and says what to do next.
/// Threads: one. Only one export at a time writes a file.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/exit_code.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::cli {

class part_file {
public:
  /// `again`: remove what an unfinished export has left.
  [[nodiscard]] static result<part_file> create(const std::string& path, bool again);
  /// Goes on after so many bytes.
  [[nodiscard]] static result<part_file> reopen(const std::string& path, std::uint64_t bytes);
  /// What `keep` saved; null where there is nothing to go on with.
  [[nodiscard]] static json kept(const std::string& path);

  part_file(part_file&& other) noexcept;
  part_file& operator=(part_file&&) = delete;
  part_file(const part_file&) = delete;
  part_file& operator=(const part_file&) = delete;
  ~part_file();

  [[nodiscard]] result<done> write(std::string_view bytes);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Saves where the export goes on, with the good `bytes`. What cannot be saved leaves the position before.
  void keep(const json& position);
  /// The file is whole: it gets its name.
  [[nodiscard]] result<done> finish();
  [[nodiscard]] std::string name() const { return path_ + ".part"; }

private:
  part_file(std::string path, int file, std::uint64_t bytes)
    : path_{std::move(path)}, file_{file}, bytes_{bytes} {}
  [[nodiscard]] static result<part_file> open(const std::string& path, int flags);
  [[nodiscard]] failure wrong(int error) const;

  std::string path_;
  int file_;
  std::uint64_t bytes_;
};

} // namespace furrow::cli
