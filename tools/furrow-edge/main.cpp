#include "tools/furrow-edge/command_line.hpp"

int main(int argc, char** argv) {
  return furrow::edge::run_program(argc, argv);
}
