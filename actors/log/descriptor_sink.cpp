#include "actors/log/descriptor_sink.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace furrow::log {

namespace {

/// Whether the service manager has connected the descriptor to its journal. A child of a service may have inherited the
/// variable and write elsewhere.
bool is_journal(int descriptor) {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat found {};
  return stream != nullptr && ::fstat(descriptor, &found) == 0
         && fmt::format("{}:{}", found.st_dev, found.st_ino) == stream;
}

} // namespace

bool descriptor_sink::operator()(std::string_view text) const {
  pollfd ready{descriptor_, POLLOUT, 0};
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
    return false;
  return ::write(descriptor_, text.data(), text.size()) > 0;
}

std::optional<line_format> shape_of(std::string_view format, int descriptor) {
  if (format == "logfmt")
    return line_format::logfmt;
  if (format == "json")
    return line_format::json;
  if (format != "text")
    return std::nullopt;
  if (is_journal(descriptor))
    return line_format::journal;
  return ::isatty(descriptor) == 1 ? line_format::terminal : line_format::text;
}

} // namespace furrow::log
