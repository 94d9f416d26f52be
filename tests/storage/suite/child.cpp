#include "tests/storage/suite/child.hpp"

#include "tests/storage/suite/resuming_writer.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

namespace furrow::tests {

namespace fs = std::filesystem;

child_writer::child_writer(const std::string& url,
                           const std::string& failpoint,
                           const std::string& test_case) {
  static int count = 0;
  log_ = fs::temp_directory_path()
         / ("furrow-child-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::array<std::string, 4> settings{
    "FURROW_CHILD_URL=" + url, "FURROW_CHILD_LOG=" + log_.string(), "FURROW_FAILPOINT=" + failpoint,
    std::string{"PATH="} + std::getenv("PATH")};
  std::vector<char*> environment;
  environment.reserve(settings.size() + 1);
  for (auto& setting : settings)
    environment.push_back(setting.data());
  environment.push_back(nullptr);
  std::array<std::string, 4> words{"child", "--no-skip", "--test-case=" + test_case, "--no-breaks"};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  const int failed =
    ::posix_spawn(&pid_, "/proc/self/exe", &files, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&files);
  REQUIRE(failed == 0);
}

child_writer::~child_writer() {
  if (pid_ != 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove(log_, ignored);
}

int child_writer::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool child_writer::wait_stopped() const {
  int status = 0;
  ::waitpid(pid_, &status, WUNTRACED);
  return WIFSTOPPED(status);
}

void child_writer::go_on() const {
  ::kill(pid_, SIGCONT);
}

std::uint64_t child_writer::acked() const {
  std::ifstream in{log_};
  std::uint64_t last = 0;
  for (std::uint64_t seq = 0; in >> seq;)
    last = seq;
  return last;
}

} // namespace furrow::tests

TEST_CASE("child: writes until it is done or killed" * doctest::skip()) {
  using namespace furrow::tests;
  const char* url = std::getenv("FURROW_CHILD_URL");
  const char* log = std::getenv("FURROW_CHILD_LOG");
  if (url == nullptr || log == nullptr)
    return; // only a parent's child runs this
  furrow::storage::store_options options;
  options.url = url;
  const auto store = must(furrow::storage::open_store(options));
  std::ofstream out{log, std::ios::app};
  const auto report = write_until(
    *store, child_items, [&](std::uint64_t seq) { out << seq << std::endl; }, true);
  if (report.fenced > 0)
    std::_Exit(fenced_exit);
}
