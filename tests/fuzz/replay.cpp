/// Runs a fuzz target over files without libFuzzer: each file unchanged, cut at many positions, and with
/// bytes changed by a seed.
///
/// Shape: replay NAME PATH...; a folder means the files in it. A failure aborts, as the target does.
/// Errors: exit code 2 when there is no such target or nothing to run, so that a missing corpus is noticed.
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::size_t cuts_max = 400;
constexpr std::size_t mutants = 200;

/// In a block of exactly its size, so that reading beyond the end is detected.
void run(furrow::fuzz_target target, const bytes& input) {
  const bytes exact(input.begin(), input.end());
  target(exact.data(), exact.size());
}

void run_cuts(furrow::fuzz_target target, const bytes& input) {
  const auto step = std::max<std::size_t>(1, input.size() / cuts_max);
  for (std::size_t size = 0; size < input.size(); size += step)
    run(target, {input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size)});
}

void run_mutants(furrow::fuzz_target target, const bytes& input) {
  std::mt19937 random{20'260'512};
  for (std::size_t i = 0; i < mutants && !input.empty(); ++i) {
    auto mutant = input;
    for (auto changes = 1 + random() % 4; changes > 0 && !mutant.empty(); --changes) {
      const auto at = mutant.begin() + static_cast<std::ptrdiff_t>(random() % mutant.size());
      switch (random() % 4) {
      case 0:
        *at = static_cast<std::uint8_t>(random());
        break;
      case 1:
        *at = static_cast<std::uint8_t>(*at ^ 1U << random() % 8);
        break;
      case 2:
        mutant.erase(at);
        break;
      default:
        mutant.insert(at, *at);
        break;
      }
    }
    run(target, mutant);
  }
}

} // namespace

int main(int count, char** arguments) {
  const auto& targets = furrow::fuzz_targets();
  const auto found = count > 1 ? targets.find(arguments[1]) : targets.end();
  if (found == targets.end()) {
    std::fputs("usage: replay NAME PATH...; names:", stderr);
    for (const auto& [name, target] : targets)
      std::fprintf(stderr, " %s", name.c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  const auto target = found->second;
  std::vector<std::filesystem::path> files;
  for (int i = 2; i < count; ++i) {
    const std::filesystem::path path{arguments[i]};
    if (std::filesystem::is_directory(path))
      for (const auto& entry : std::filesystem::directory_iterator{path})
        files.push_back(entry.path());
    else if (std::filesystem::exists(path))
      files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in{file, std::ios::binary};
    const bytes input{std::istreambuf_iterator<char>{in}, {}};
    run(target, input);
    run_cuts(target, input);
    run_mutants(target, input);
  }
  std::printf("%zu files\n", files.size());
  return files.empty() ? 2 : 0;
}
