#include "tools/furrow/people/secret_input.hpp"

#include <fmt/format.h>

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>

namespace furrow::cli {

namespace {

std::string without_end(std::string line) {
  line.erase(line.find_last_not_of("\r\n") + 1);
  return line;
}

} // namespace

result<std::string> first_line_of(const std::string& file) {
  std::string line;
  if (file == "-") {
    std::getline(std::cin, line);
    return without_end(line);
  }
  std::ifstream in{file};
  if (!in)
    return failure{errc::failed, fmt::format("{}: {}", file, std::strerror(errno))};
  std::getline(in, line);
  return without_end(line);
}

result<std::string> ask_password(const std::string& prompt) {
  if (::isatty(STDIN_FILENO) == 0)
    return first_line_of("-");
  fmt::print(stderr, "{}", prompt);
  termios before{};
  const bool known = ::tcgetattr(STDIN_FILENO, &before) == 0;
  auto silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (known)
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  auto line = first_line_of("-");
  if (known)
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  fmt::print(stderr, "\n");
  return line;
}

} // namespace furrow::cli
