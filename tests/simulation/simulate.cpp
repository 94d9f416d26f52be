// Plays seeds of the simulation: `simulate --seeds N [--from N] [--world fleet|farm|site] [--rule NAME]`, or one with a
// trace: `simulate --seed N`. Exit code 1 when a seed breaks an invariant.
#include "tests/simulation/report.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace furrow::simulation;

namespace {

struct choice {
  std::uint64_t from = 1;
  std::uint64_t seeds = 1'000;
  std::uint64_t alone = 0;
  world_kind kind = world_kind::fleet;
  broken_rule broken = broken_rule::none;
};

bool read_choice(int argc, char** argv, choice& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const auto number = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--from")
      out.from = number;
    else if (name == "--seeds")
      out.seeds = number;
    else if (name == "--seed")
      out.alone = number;
    else if (name == "--rule" && rule_named(argv[i + 1]))
      out.kind = kind_with(out.broken = *rule_named(argv[i + 1]));
    else if (name == "--world" && kind_named(argv[i + 1]))
      out.kind = *kind_named(argv[i + 1]);
    else
      return false;
  }
  return argc % 2 == 1;
}

int play_alone(const choice& of) {
  const game which{of.kind, of.alone, of.broken};
  const auto out = play(which, [](const std::string& line) { std::puts(line.c_str()); });
  std::puts(described(which, out).c_str());
  return out.found ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  choice of;
  if (!read_choice(argc, argv, of)) {
    std::fputs(
      "usage: simulate [--seeds N] [--from N] [--world fleet|farm|site] [--rule NAME] | --seed N "
      "[--world ...] [--rule NAME]\n",
      stderr);
    return 2;
  }
  if (of.alone != 0)
    return play_alone(of);
  std::uint64_t bad = 0;
  totals sum;
  for (auto seed = of.from; seed < of.from + of.seeds; ++seed) {
    const game which{of.kind, seed, of.broken};
    const auto out = play(which);
    sum.add(out);
    if (!out.found)
      continue;
    ++bad;
    std::puts(described(which, out).c_str());
    std::fflush(stdout);
  }
  std::puts(described(sum).c_str());
  return bad == 0 ? 0 : 1;
}
