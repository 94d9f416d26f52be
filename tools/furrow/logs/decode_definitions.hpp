/// What `furrow decode` decodes with: DBC files, the signals that are wanted, and the text around each value.
///
/// Errors: a file that cannot be loaded is reported to a stream.
/// Threads: owned by one thread.
#pragma once

#include "can/dbc/decode.hpp"
#include "tools/furrow/logs/decode.hpp"
#include "tools/furrow/logs/wanted_signals.hpp"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace furrow::cli {

/// The DBC files of the command, and the text that is the same for every value of a signal.
class decode_definitions {
public:
  /// Returns false if a file cannot be loaded; the problem is reported.
  bool load(const decode_options& options, std::ostream& problems);

  [[nodiscard]] const can::decode_plan& plan() const { return plan_; }
  [[nodiscard]] const wanted_signals& wanted() const { return wanted_; }
  /// `"Name":{"spn":190,"raw":`
  [[nodiscard]] const std::string& opening(std::uint32_t signal) const { return openings_[signal]; }
  /// `,"unit":"rpm","label":`
  [[nodiscard]] const std::string& middle(std::uint32_t signal) const { return middles_[signal]; }

private:
  void prepare();

  can::decode_plan plan_;
  wanted_signals wanted_;
  std::vector<std::string> openings_;
  std::vector<std::string> middles_;
};

} // namespace furrow::cli
