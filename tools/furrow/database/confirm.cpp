#include "tools/furrow/database/confirm.hpp"

#include <fmt/format.h>

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <iostream>

namespace furrow::cli {

result<bool> confirmed(const std::string& question, bool yes) {
  if (yes)
    return true;
  if (::isatty(STDIN_FILENO) != 1)
    return failure{errc::usage,
                   "nothing was changed: " + question + " Give --yes to go on without being asked"};
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes")
    return true;
  fmt::print(stderr, "furrow: nothing was changed\n");
  return false;
}

std::string person() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const auto* user = ::getpwuid(::geteuid());
  return fmt::format("{}@{}", user == nullptr ? std::to_string(::geteuid()) : user->pw_name,
                     host.data());
}

} // namespace furrow::cli
