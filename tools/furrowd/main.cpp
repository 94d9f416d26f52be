#include "tools/furrowd/daemon.hpp"
#include "tools/furrowd/log_sink.hpp"
#include "tools/furrowd/schema.hpp"

#include <spdlog/spdlog.h>

#include <unistd.h>

#include <csignal>
#include <memory>

/// jemalloc reads this at its start: few arenas, and pages return to the system soon, so that the budget bounds the
/// memory of the node. MALLOC_CONF overrides it.
extern "C" const char* malloc_conf; // NOLINT(readability-redundant-declaration)
const char* malloc_conf = "narenas:4,dirty_decay_ms:200,muzzy_decay_ms:0";

int main(int argc, char** argv) {
  const auto parsed = furrow::daemon::parse_settings(argc, argv);
  if (const auto* code = std::get_if<int>(&parsed))
    return *code;
  const auto& settings = std::get<furrow::daemon::settings>(parsed);
  // stdout is for the `ready` line; the log goes to stderr.
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
    "furrowd", std::make_shared<furrow::daemon::log_sink>(STDERR_FILENO)));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(settings.log_level));
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ,
              SIG_IGN); // a file at its limit is an error of the write, not the end of the node
  for (const auto& warning : settings.in_force.warnings)
    spdlog::warn(warning);
  return settings.only_migrate ? furrow::daemon::migrate_schema(settings)
                               : furrow::daemon::run(settings);
}
