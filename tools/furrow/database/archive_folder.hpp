/// The folder of an export: a lock that admits one export at a time, and the numbers of the exported frames.
///
/// Errors: as in exit_code.hpp; one line that names the folder or the file.
/// Threads: one; blocks on the disk.
/// Limits: memory grows with the holes in the numbers, not with the frames.
#pragma once

#include "can/frame/stream.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/exit_code.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace furrow::cli {

/// Holds the lock while the object lives. The system releases it when the process ends, however it ends.
class folder_lock {
public:
  [[nodiscard]] static result<folder_lock> take(const std::filesystem::path& folder);
  folder_lock(folder_lock&& other) noexcept : file_{other.file_} { other.file_ = -1; }
  folder_lock& operator=(folder_lock&&) = delete;
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;
  ~folder_lock();

private:
  explicit folder_lock(int file) : file_{file} {}
  int file_;
};

/// Numbers of one stream, as ranges.
class number_set {
public:
  void add(std::uint64_t first, std::uint64_t last);
  [[nodiscard]] bool has(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t highest() const;

private:
  std::map<std::uint64_t, std::uint64_t> ranges_; // first: last; ranges never touch
};

/// Returns the numbers in the files of a manifest, by stream; reads each file to its end.
[[nodiscard]] result<std::map<std::string, number_set>>
exported_numbers(const std::filesystem::path& folder, const json& manifest);

} // namespace furrow::cli
