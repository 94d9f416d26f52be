/// The loggers of spdlog below this log: one for each module, with its level; one output for all.
///
/// Shape: spdlog has the levels, the time and the way of a message to the output. What its messages have no room for, the
///   event and what a line is about, is set beside the message while it is written.
/// Threads: levels may be read and set from any; the log writes under its lock.
#pragma once

#include "actors/log/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <memory>

namespace furrow::log {

[[nodiscard]] constexpr spdlog::level::level_enum to_spdlog(level what) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(what) + spdlog::level::debug);
}
[[nodiscard]] constexpr level from_spdlog(spdlog::level::level_enum what) {
  return static_cast<level>(what - spdlog::level::debug);
}

/// What a message of spdlog has no room for. The texts are only read while the line is written.
struct subject {
  module_name from = node;
  std::string_view event;
  about what;
};

/// Gives lines to the output of the log.
class output_sink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
  output_sink();

  void use(output where);
  [[nodiscard]] const output& now() const { return *out_; }
  void speak_of(const subject& next) { *subject_ = next; }
  /// Lines that the output did not take, since the last one that it took.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  void forget_lost() { lost_ = 0; }
  void lose(std::uint64_t lines = 1) { lost_ += lines; }

protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

private:
  const std::shared_ptr<output> out_ = std::make_shared<output>();
  const std::shared_ptr<subject> subject_ = std::make_shared<subject>();
  std::uint64_t lost_ = 0;
};

[[nodiscard]] output_sink& the_sink();
[[nodiscard]] spdlog::logger& logger_of(module_name of);

} // namespace furrow::log
