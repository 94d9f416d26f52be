/// `furrowd init`: makes the schema of a database if it is not there, and the first admin of the node.
///
/// Errors: one line on standard error. Exit codes: 0 made, 1 failed or there is an admin already, 2 the command line is wrong.
#pragma once

namespace furrow::daemon {

/// `argv[0]` is "init".
[[nodiscard]] int init(int argc, char** argv);

} // namespace furrow::daemon
