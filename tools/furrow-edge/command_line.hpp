/// The program furrow-edge: reads its command line and runs what it asks for.
#pragma once

namespace furrow::edge {

/// Returns the exit code.
[[nodiscard]] int run_program(int argc, char** argv);

} // namespace furrow::edge
