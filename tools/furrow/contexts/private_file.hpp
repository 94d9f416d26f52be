/// Files that only this user may read: they are replaced whole, or not at all.
///
/// Shape: the folder has mode 0700 afterwards, the file 0600. The new text goes to a file beside it, which then takes
///   its name.
/// Errors: one line that names the file.
/// Threads: any; processes that hold a `folder_hold` of the same folder wait for each other.
#pragma once

#include "tools/config/errc.hpp"

#include <string>
#include <string_view>

namespace furrow::cli {

/// $XDG_CONFIG_HOME/furrow, or ~/.config/furrow; empty if neither variable is set.
[[nodiscard]] std::string config_folder();

/// Makes the folder of a file, and keeps other commands from changing its files meanwhile.
class folder_hold {
public:
  [[nodiscard]] static config::result<folder_hold> of(const std::string& file);
  folder_hold(folder_hold&& other) noexcept;
  folder_hold& operator=(folder_hold&&) = delete;
  folder_hold(const folder_hold&) = delete;
  folder_hold& operator=(const folder_hold&) = delete;
  ~folder_hold();

  /// `file` as it was given to `of`.
  [[nodiscard]] config::result<done> replace(const std::string& file, std::string_view text) const;

private:
  explicit folder_hold(int folder) : folder_{folder} {}
  int folder_;
};

/// Why a file of this user cannot be trusted: others may write to it or to its folder. Empty: it can.
[[nodiscard]] std::string
tampering_fault(const std::string& file, bool is_writable_by_others, const std::string& place);

} // namespace furrow::cli
