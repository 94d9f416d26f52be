/// The program furrow-sim: reads its command line and runs what it asks for.
#pragma once

namespace furrow::sim {

/// Returns the exit code.
[[nodiscard]] int run_program(int argc, char** argv);

} // namespace furrow::sim
