#include "storage/postgres/connection/spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

namespace furrow::storage {

namespace {

std::string_view variable_of(std::string_view setting) {
  return setting.substr(0, setting.find('='));
}

void add_inherited(std::vector<std::string>& environment) {
  const auto own = environment.size();
  for (auto** at = environ; *at != nullptr; ++at) {
    const std::string_view inherited{*at};
    if (std::none_of(environment.begin(), environment.begin() + static_cast<std::ptrdiff_t>(own),
                     [&](const auto& one) { return variable_of(one) == variable_of(inherited); }))
      environment.emplace_back(inherited);
  }
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What the child does before it runs the program. Each call fails only when memory is short.
class child_setup {
public:
  explicit child_setup(const child_files& files) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    const std::array<std::pair<int, int>, 3> places{
      {{files.in, STDIN_FILENO}, {files.out, STDOUT_FILENO}, {files.errors, STDERR_FILENO}}};
    for (const auto& [given, place] : places)
      keep(given < 0 ? ::posix_spawn_file_actions_addopen(&actions_, place, "/dev/null", O_RDWR, 0)
                     : ::posix_spawn_file_actions_adddup2(&actions_, given, place));
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    keep(::posix_spawnattr_setsigdefault(&attributes_, &defaults));
    keep(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF));
  }
  child_setup(const child_setup&) = delete;
  child_setup& operator=(const child_setup&) = delete;
  ~child_setup() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  /// The error number, 0 when the child runs.
  int start(pid_t& pid, const std::vector<char*>& argv, const std::vector<char*>& envp) const {
    return error_ != 0
             ? error_
             : ::posix_spawnp(&pid, argv[0], &actions_, &attributes_, argv.data(), envp.data());
  }

private:
  void keep(int error) { error_ = error_ != 0 ? error_ : error; }
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  int error_ = 0;
};

} // namespace

result<pid_t>
spawn(std::vector<std::string> words, std::vector<std::string> environment, child_files files) {
  add_inherited(environment);
  pid_t pid = -1;
  const auto error = child_setup{files}.start(pid, pointers_to(words), pointers_to(environment));
  if (error != 0)
    return failure{errc::retry_later, words[0] + ": " + std::strerror(error)};
  return pid;
}

} // namespace furrow::storage
