#include "actors/log/descriptor_sink.hpp"
#include "actors/log/log.hpp"
#include "tools/furrowd/daemon.hpp"
#include "tools/furrowd/init.hpp"
#include "tools/furrowd/schema.hpp"

#include <unistd.h>

#include <csignal>
#include <string_view>

/// jemalloc reads this at its start: few arenas, and pages return to the system soon, so that the budget bounds the
/// memory of the node. MALLOC_CONF overrides it.
extern "C" const char* malloc_conf; // NOLINT(readability-redundant-declaration)
const char* malloc_conf = "narenas:4,dirty_decay_ms:200,muzzy_decay_ms:0";

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view{argv[1]} == "init")
    return furrow::daemon::init(argc - 1, argv + 1);
  const auto parsed = furrow::daemon::parse_settings(argc, argv);
  if (const auto* code = std::get_if<int>(&parsed))
    return *code;
  const auto& settings = std::get<furrow::daemon::settings>(parsed);
  // stdout is for the `ready` line; the log goes to stderr.
  const auto format = furrow::log::shape_of(settings.log_format, STDERR_FILENO);
  furrow::log::start(
    {*format, settings.node.name, {}, furrow::log::descriptor_sink{STDERR_FILENO}});
  (void)furrow::log::set_levels(settings.log_level); // checked with the command line
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ,
              SIG_IGN); // a file at its limit is an error of the write, not the end of the node
  namespace log = furrow::log;
  for (const auto& warning : settings.in_force.warnings)
    log::warn(log::node, "setting_doubtful", {}, "{}", warning);
  return settings.only_migrate ? furrow::daemon::migrate_schema(settings)
                               : furrow::daemon::run(settings);
}
