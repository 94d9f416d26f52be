// Plays seeds of the simulation: `simulate --seeds N [--from N] [--rule NAME]`, or one with a trace:
// `simulate --seed N`. Exit code 1 when a seed breaks an invariant.
#include "tests/simulation/report.hpp"
#include "tests/simulation/world.hpp"

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
      out.broken = *rule_named(argv[i + 1]);
    else
      return false;
  }
  return argc % 2 == 1;
}

int play_alone(const choice& of) {
  const auto plan = plan_of(of.alone, of.broken);
  std::puts(to_string(plan).c_str());
  world here{plan, [](const std::string& line) { std::puts(line.c_str()); }};
  const auto out = here.run();
  std::puts(described(plan, out).c_str());
  return out.found ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  choice of;
  if (!read_choice(argc, argv, of)) {
    std::fputs("usage: simulate [--seeds N] [--from N] [--rule NAME] | --seed N [--rule NAME]\n",
               stderr);
    return 2;
  }
  if (of.alone != 0)
    return play_alone(of);
  std::uint64_t bad = 0;
  totals sum;
  for (auto seed = of.from; seed < of.from + of.seeds; ++seed) {
    const auto plan = plan_of(seed, of.broken);
    const auto out = world{plan}.run();
    sum.add(out);
    if (!out.found)
      continue;
    ++bad;
    std::puts(described(plan, out).c_str());
    std::fflush(stdout);
  }
  std::puts(described(sum).c_str());
  return bad == 0 ? 0 : 1;
}
