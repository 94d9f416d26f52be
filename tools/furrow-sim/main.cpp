#include "tools/furrow-sim/command_line.hpp"

int main(int argc, char** argv) {
  return furrow::sim::run_program(argc, argv);
}
