#include "tools/console/embedded.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <vector>

// console_files.inc is made by CMake: FURROW_CONSOLE_FILE(name, path, content type, file) for each file of the bundle.
// The assembler includes the files as they are; FURROW_CONSOLE_PACKED holds them as gzip.
#define FURROW_CONSOLE_FILE(name, path, type, file)                                                \
  __asm__(".section .rodata\n"                                                                     \
          ".global " #name "_plain, " #name "_plain_end, " #name "_gzip, " #name "_gzip_end\n"     \
          ".balign 16\n" #name "_plain:\n"                                                         \
          ".incbin \"" FURROW_CONSOLE_FILES "/" file "\"\n" #name "_plain_end:\n" #name "_gzip:\n" \
          ".incbin \"" FURROW_CONSOLE_PACKED "/" file ".gz\"\n" #name "_gzip_end:\n"               \
          ".previous\n");                                                                          \
  extern "C" const char name##_plain[], name##_plain_end[], name##_gzip[], name##_gzip_end[];
#include "console_files.inc"
#undef FURROW_CONSOLE_FILE

namespace furrow::console {

namespace {

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

embedded_file made(std::string_view path,
                   std::string_view content_type,
                   std::string_view plain,
                   std::string_view gzip) {
  return {path, content_type, plain, gzip,
          fmt::format("\"{:016x}\"", XXH3_64bits(plain.data(), plain.size()))};
}

} // namespace

std::span<const embedded_file> embedded_files() {
  static const std::vector<embedded_file> files{
#define FURROW_CONSOLE_FILE(name, path, type, file)                                                \
  made(path, type, between(name##_plain, name##_plain_end), between(name##_gzip, name##_gzip_end)),
#include "console_files.inc"
#undef FURROW_CONSOLE_FILE
  };
  return files;
}

} // namespace furrow::console
