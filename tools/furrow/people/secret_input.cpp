#include "tools/furrow/people/secret_input.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
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

result<done> save_session(const std::string& at, const std::string& token) {
  const auto path = session_file();
  if (path.empty())
    return failure{errc::failed,
                   "neither XDG_CONFIG_HOME nor HOME is set: there is no place for the session"};
  std::error_code made;
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), made);
  forget_session(); // an old file may have other rights
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const auto text = at + "\n" + token + "\n";
  const bool written =
    file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int why = errno;
  if (file >= 0)
    ::close(file);
  if (!written)
    return failure{errc::failed, fmt::format("{}: {}", path, std::strerror(why))};
  return done{};
}

void forget_session() {
  std::error_code ignored; // there may be none
  std::filesystem::remove(session_file(), ignored);
}

} // namespace furrow::cli
