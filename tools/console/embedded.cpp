#include "tools/console/embedded.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <vector>

// The assembler includes the files as they are. FURROW_CONSOLE_PACKED holds them as gzip, made by CMake.
#define FURROW_EMBED(name, file)                                                                   \
  __asm__(".section .rodata\n"                                                                     \
          ".balign 16\n" #name "_plain:\n"                                                         \
          ".incbin \"" FURROW_CONSOLE_FILES "/" file "\"\n" #name "_plain_end:\n" #name "_gzip:\n" \
          ".incbin \"" FURROW_CONSOLE_PACKED "/" file ".gz\"\n" #name "_gzip_end:\n"               \
          ".global " #name "_plain, " #name "_plain_end, " #name "_gzip, " #name "_gzip_end\n"     \
          ".previous\n");                                                                          \
  extern "C" const char name##_plain[], name##_plain_end[], name##_gzip[], name##_gzip_end[]

FURROW_EMBED(furrow_console_page, "index.html");
FURROW_EMBED(furrow_console_script, "console.js");
FURROW_EMBED(furrow_console_style, "console.css");
FURROW_EMBED(furrow_console_licenses, "licenses.txt");

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

#define FURROW_FILE(path, type, name)                                                              \
  made(path, type, between(name##_plain, name##_plain_end), between(name##_gzip, name##_gzip_end))

std::span<const embedded_file> embedded_files() {
  static const std::vector<embedded_file> files{
    FURROW_FILE("/", "text/html; charset=utf-8", furrow_console_page),
    FURROW_FILE("/console.js", "text/javascript; charset=utf-8", furrow_console_script),
    FURROW_FILE("/console.css", "text/css; charset=utf-8", furrow_console_style),
    FURROW_FILE("/licenses.txt", "text/plain; charset=utf-8", furrow_console_licenses)};
  return files;
}

} // namespace furrow::console
