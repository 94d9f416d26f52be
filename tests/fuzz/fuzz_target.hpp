/// A fuzz target: the entry of libFuzzer in a program of its own, and one of those that `replay` has.
///
/// Shape: FUZZ_TARGET(name) { ...data, size... }, one in each *_fuzz.cpp. `hold` aborts, which is how a target fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

namespace furrow {

using fuzz_target = int (*)(const std::uint8_t* data, std::size_t size);

/// The targets of this program, by name.
inline std::map<std::string, fuzz_target>& fuzz_targets() {
  static std::map<std::string, fuzz_target> targets;
  return targets;
}

inline void hold(bool that) {
  if (!that)
    std::abort();
}

} // namespace furrow

#ifdef FURROW_LIBFUZZER
#define FUZZ_TARGET(name)                                                                          \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
#else
#define FUZZ_TARGET(name)                                                                          \
  static int fuzz_##name(const std::uint8_t* data, std::size_t size);                              \
  static const bool has_##name = furrow::fuzz_targets().emplace(#name, fuzz_##name).second;        \
  static int fuzz_##name(const std::uint8_t* data, std::size_t size)
#endif
