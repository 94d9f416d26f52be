#include "tools/furrow/bench/child.hpp"

#include "storage/postgres/connection/spawn.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace furrow::cli::bench {

namespace {

namespace fs = std::filesystem;

/// The fields of /proc/PID/stat that count; the name in brackets may hold anything.
struct process_stat {
  std::string name;
  int parent = 0;
  double own_s = 0;
  double reaped_s = 0;
};

/// `folder`: of a process or of a thread.
std::optional<process_stat> stat_in(const std::string& folder) {
  std::ifstream in{folder + "/stat"};
  std::string line;
  if (!std::getline(in, line) || line.rfind(')') == std::string::npos)
    return std::nullopt;
  const auto name = line.find('(') + 1;
  std::istringstream rest{line.substr(line.rfind(')') + 1)};
  std::string state;
  process_stat found;
  found.name = line.substr(name, line.rfind(')') - name);
  rest >> state >> found.parent;
  std::array<double, 13> fields{}; // 5 to 17: utime is the 14th, cstime the 17th
  for (auto& field : fields)
    rest >> field;
  if (!rest)
    return std::nullopt;
  const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  found.own_s = (fields[9] + fields[10]) / tick;
  found.reaped_s = (fields[11] + fields[12]) / tick;
  return found;
}

std::optional<process_stat> stat_of(int process) {
  return stat_in("/proc/" + std::to_string(process));
}

std::uint64_t status_number(int process, const std::string& name) {
  std::ifstream in{"/proc/" + std::to_string(process) + "/status"};
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, name.size(), name) == 0)
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
  return 0;
}

} // namespace

scratch::scratch() {
  std::error_code none;
  auto pattern = (fs::temp_directory_path(none) / "furrow-bench-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : ".";
}

scratch::~scratch() {
  std::error_code ignored; // a folder for temporary files is swept by others too
  if (path_ != ".")
    fs::remove_all(path_, ignored);
}

result<child> child::start(const std::vector<std::string>& words,
                           std::string output,
                           const environment& more,
                           int input) {
  // setpriv sets PR_SET_PDEATHSIG and becomes the program.
  std::vector<std::string> started{"setpriv", "--pdeathsig", "KILL"};
  started.insert(started.end(), words.begin(), words.end());
  std::vector<std::string> settings;
  for (const auto& [name, value] : more)
    settings.push_back(fmt::format("{}={}", name, value));
  const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0)
    return failure{errc::failed, fmt::format("{}: {}", output, std::strerror(errno))};
  const auto pid = storage::spawn(std::move(started), std::move(settings), {input, out, out});
  ::close(out);
  if (!pid)
    return failure{errc::failed,
                   fmt::format("cannot start {}: {}", words.front(), pid.error().detail)};
  return child{*pid, std::move(output)};
}

child::~child() {
  if (pid_ <= 0)
    return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string child::output() const {
  std::ifstream in{output_};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string child::last_line() const {
  auto text = output();
  text.erase(text.find_last_not_of('\n') + 1);
  return text.substr(text.rfind('\n') + 1);
}

std::optional<int> child::ended() {
  int status = 0;
  rusage used{};
  if (pid_ <= 0 || ::wait4(pid_, &status, WNOHANG, &used) != pid_)
    return std::nullopt;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  cpu_s_ = seconds(used.ru_utime) + seconds(used.ru_stime);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child::end(std::chrono::milliseconds patience) {
  if (pid_ <= 0)
    return 0;
  ::kill(pid_, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto code = ended())
      return *code;
    ::usleep(5'000);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  return 128 + SIGKILL;
}

double child::cpu_s() const {
  if (pid_ <= 0)
    return cpu_s_;
  const auto stat = stat_of(pid_);
  return stat ? stat->own_s : 0;
}

std::map<std::string, double> child::thread_cpu_s() const {
  std::map<std::string, double> found;
  std::error_code none;
  if (pid_ > 0)
    for (const auto& entry :
         fs::directory_iterator{"/proc/" + std::to_string(pid_) + "/task", none})
      if (const auto stat = stat_in(entry.path().string()))
        found[stat->name] += stat->own_s;
  return found;
}

memory child::held() const {
  if (pid_ <= 0)
    return {};
  return {status_number(pid_, "VmRSS") << 10U, status_number(pid_, "VmHWM") << 10U};
}

unsigned child::threads() const {
  return pid_ <= 0 ? 0 : static_cast<unsigned>(status_number(pid_, "Threads"));
}

std::optional<double> family_cpu_s(std::optional<int> process) {
  if (!process)
    return std::nullopt;
  const auto head = stat_of(*process);
  if (!head)
    return std::nullopt;
  double sum = head->own_s + head->reaped_s;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator{"/proc", none}) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    const auto one = stat_of(std::atoi(name.c_str()));
    if (one && one->parent == *process)
      sum += one->own_s + one->reaped_s;
  }
  return sum;
}

result<std::string> program_beside(const std::string& name) {
  std::error_code unknown;
  const auto path = fs::read_symlink("/proc/self/exe", unknown).parent_path() / name;
  if (::access(path.c_str(), X_OK) != 0)
    return failure{
      errc::failed,
      fmt::format("{} is not there (a benchmark runs the programs beside furrow)", path.string())};
  return path.string();
}

} // namespace furrow::cli::bench
