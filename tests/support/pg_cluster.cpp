#include "tests/support/pg_cluster.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/scratch_root.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

namespace furrow::tests {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error{"pg_cluster: " + what};
}

/// PostgreSQL does not run as root. setpriv also ends the server with this process.
std::vector<std::string> as_postgres(std::vector<std::string> command, bool dies_with_us) {
  std::vector<std::string> full{"setpriv"};
  if (::geteuid() == 0)
    full.insert(full.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  if (dies_with_us)
    full.insert(full.end(), {"--pdeathsig", "QUIT"});
  if (full.size() == 1)
    return command;
  full.insert(full.end(), command.begin(), command.end());
  return full;
}

pid_t spawn(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> arguments;
  for (const auto& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t child = 0;
  const int error =
    ::posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    fail(command[0] + ": " + std::strerror(error));
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string text_of(const fs::path& path) {
  std::ifstream in{path};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

using result_ptr = std::unique_ptr<PGresult, void (*)(PGresult*)>;

} // namespace

// Debian keeps each version in a folder of its own.
fs::path server_programs() {
  std::vector<fs::path> found;
  const fs::path root{"/usr/lib/postgresql"};
  if (fs::exists(root))
    for (const auto& version : fs::directory_iterator{root})
      if (fs::exists(version.path() / "bin" / "initdb"))
        found.push_back(version.path() / "bin");
  if (found.empty())
    fail("no PostgreSQL server under /usr/lib/postgresql (package postgresql)");
  const auto number = [](const fs::path& path) {
    return std::atoi(path.parent_path().filename().c_str());
  };
  return *std::max_element(found.begin(), found.end(),
                           [&](const auto& a, const auto& b) { return number(a) < number(b); });
}

int free_port() {
  std::mt19937 random{std::random_device{}()};
  for (int tries = 0; tries < 100; ++tries) {
    const int port = 20'000 + static_cast<int>(random() % 12'000);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (free)
      return port;
  }
  fail("no free port between 20000 and 32000");
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    const auto pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0)
      continue;
    const auto stat = text_of(entry.path() / "stat");
    const auto after_name = stat.rfind(") ");
    if (after_name != std::string::npos && std::atoi(stat.c_str() + after_name + 4) == parent)
      found.push_back(pid);
  }
  return found;
}

pg_cluster::pg_cluster(const std::vector<std::string>& settings)
  : programs_{server_programs()}, port_{free_port()} {
  make_folder();
  run({"initdb", "-D", (folder_ / "data").string(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
       "--no-locale", "--no-sync"});
  configure({"max_connections = 80", "shared_buffers = 64MB", "max_wal_size = 2GB",
             "log_line_prefix = '%m [%p] %a '"});
  configure(settings);
  start();
  exec("create database furrow", "postgres");
}

pg_cluster::pg_cluster(standby_of whose) : programs_{server_programs()}, port_{free_port()} {
  make_folder();
  run({"pg_basebackup", "-D", (folder_ / "data").string(), "-d", whose.primary.url("postgres"),
       "--write-recovery-conf", "--checkpoint=fast", "--no-sync"});
  configure({});
  start();
}

void pg_cluster::make_folder() {
  auto pattern = (scratch_root() / "furrow-pg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    fail(pattern + ": " + std::strerror(errno));
  folder_ = pattern;
  if (::geteuid() == 0) {
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0)
      fail("running as root needs a user `postgres`");
  }
}

void pg_cluster::run(std::vector<std::string> command) const {
  const auto name = command.front();
  command.front() = (programs_ / name).string();
  const auto log = folder_ / (name + ".log");
  if (wait_for(spawn(as_postgres(std::move(command), false), log)) != 0)
    fail(name + " failed: " + text_of(log));
}

void pg_cluster::configure(const std::vector<std::string>& settings) const {
  std::ofstream conf{folder_ / "data" / "postgresql.conf", std::ios::app};
  conf << "listen_addresses = '127.0.0.1'\nport = " << port_ << "\nunix_socket_directories = '"
       << folder_.string() << "'\n";
  for (const auto& line : settings)
    conf << line << '\n';
}

void pg_cluster::promote() const {
  if (value("select pg_promote(true, 60)", "postgres") != "t")
    fail("the standby was not promoted: " + log());
}

pg_cluster::~pg_cluster() {
  stop(SIGQUIT);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void pg_cluster::start() {
  if (server_ != 0)
    return;
  server_ =
    spawn(as_postgres({(programs_ / "postgres").string(), "-D", (folder_ / "data").string()}, true),
          folder_ / "server.log");
  const bool answers = eventually(std::chrono::seconds{60}, [&] {
    int status = 0;
    if (::waitpid(server_, &status, WNOHANG) == server_) {
      server_ = 0;
      fail("the server did not start: " + log());
    }
    return ::PQping(url("postgres").c_str()) == PQPING_OK;
  });
  if (!answers)
    fail("the server accepts no connection after 60 s: " + log());
}

void pg_cluster::stop(int signal) {
  if (server_ == 0)
    return;
  signal_all(SIGCONT); // a frozen server could not stop
  ::kill(server_, signal);
  wait_for(server_);
  server_ = 0;
}

void pg_cluster::stop_immediate() {
  stop(SIGQUIT);
}
void pg_cluster::stop_fast() {
  stop(SIGINT);
}
void pg_cluster::freeze() {
  signal_all(SIGSTOP);
}
void pg_cluster::thaw() {
  signal_all(SIGCONT);
}

void pg_cluster::signal_all(int signal) const {
  if (server_ == 0)
    return;
  ::kill(server_, signal);
  for (const auto child : children_of(server_))
    ::kill(child, signal);
}

std::string pg_cluster::url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string pg_cluster::log() const {
  return text_of(folder_ / "server.log");
}

std::string pg_cluster::make_database(const std::string& name,
                                      const std::vector<std::string>& settings,
                                      const std::string& model) {
  exec("drop database if exists \"" + name + "\" with (force)", "postgres");
  // Before 15, files are always copied. 15 would write everything to its log: 190 ms instead of 109.
  const bool has_strategies = std::atoi(programs_.parent_path().filename().c_str()) >= 15;
  exec("create database \"" + name + "\" template \"" + model + "\""
         + (has_strategies ? " strategy file_copy" : ""),
       "postgres");
  for (const auto& setting : settings)
    exec("alter database \"" + name + "\" set " + setting, "postgres");
  return url(name);
}

pg_rows pg_exec(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection{::PQconnectdb(url.c_str()),
                                                              ::PQfinish};
  if (::PQstatus(connection.get()) != CONNECTION_OK)
    fail(::PQerrorMessage(connection.get()));
  ::PQsetNoticeProcessor(
    connection.get(), [](void*, const char*) {}, nullptr);
  const result_ptr answer{::PQexec(connection.get(), sql.c_str()), ::PQclear};
  const auto status = ::PQresultStatus(answer.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    fail(sql + ": " + ::PQerrorMessage(connection.get()));
  pg_rows rows(static_cast<std::size_t>(::PQntuples(answer.get())));
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (int column = 0; column < ::PQnfields(answer.get()); ++column)
      rows[row].emplace_back(::PQgetvalue(answer.get(), static_cast<int>(row), column));
  return rows;
}

pg_rows pg_cluster::exec(const std::string& sql, const std::string& database) const {
  return pg_exec(url(database), sql);
}

std::string pg_cluster::value(const std::string& sql, const std::string& database) const {
  const auto rows = exec(sql, database);
  if (rows.size() != 1 || rows[0].empty())
    fail(sql + ": " + std::to_string(rows.size()) + " rows where one was wanted");
  return rows[0][0];
}

} // namespace furrow::tests
