#include "tests/fault/patroni_pair.hpp"

#include "tests/support/data.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/program.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::tests {

namespace fs = std::filesystem;
using json = nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr const char* python = "/usr/bin/python3";
constexpr const char* patroni = "/usr/bin/patroni";
constexpr const char* etcd = "/usr/bin/etcd";

fs::path pair_folder() {
  auto pattern = (fs::temp_directory_path() / "furrow-patroni-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  fs::permissions(pattern, fs::perms{0755});
  return pattern;
}

void give_to_postgres(const fs::path& path) {
  if (::geteuid() != 0)
    return;
  const auto* user = ::getpwnam("postgres");
  REQUIRE(user != nullptr);
  REQUIRE(::chown(path.c_str(), user->pw_uid, user->pw_gid) == 0);
}

std::string random_password() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 24; ++i)
    out += static_cast<char>('a' + random() % 26);
  return out;
}

/// A file of deploy/patroni. `all`: each text that the file must hold, and what stands there here.
std::string shipped(const std::string& name,
                    const std::vector<std::pair<std::string, std::string>>& all) {
  const auto path = "deploy/patroni/" + name;
  auto text = read_file(std::string{FURROW_SOURCE_DIR} + "/" + path);
  for (const auto& [from, to] : all) {
    REQUIRE_MESSAGE(text.find(from) != std::string::npos, path << " has no " << from);
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return text;
}

/// The settings of a file for a service: lines NAME=VALUE, and comments.
std::vector<std::string> settings_in(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line.front() != '#')
      out.push_back(line);
  return out;
}

std::string local(int port) {
  return "127.0.0.1:" + std::to_string(port);
}

/// A program that ends with this one; as root it runs as postgres, which the server demands.
std::unique_ptr<child_process> start_as_postgres(std::vector<std::string> command,
                                                 const fs::path& folder,
                                                 const std::string& log,
                                                 std::vector<std::string> environment = {}) {
  std::vector<std::string> full{"--pdeathsig", "KILL"};
  if (::geteuid() == 0)
    full.insert(full.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  full.insert(full.end(), command.begin(), command.end());
  environment.push_back("HOME=" + folder.string()); // libpq looks for certificates there
  return std::make_unique<child_process>("/usr/bin/setpriv", full, log, "/dev/null", environment);
}

} // namespace

std::optional<std::string> patroni_pair::missing() {
  for (const auto* program : {python, patroni, etcd})
    if (!fs::exists(program))
      return program;
  return std::nullopt;
}

patroni_pair::patroni_pair(int ttl_s) : folder_{pair_folder()}, password_{random_password()} {
  fs::permissions(tls_.folder, fs::perms{0755});
  give_to_postgres(tls_.key);
  start_etcd();
  for (std::size_t member = 0; member < members_.size(); ++member) {
    auto& one = members_[member];
    one.port = free_port();
    one.rest_port = free_port();
    one.folder = folder_ / ("db" + std::to_string(member + 1));
    fs::create_directory(one.folder);
    give_to_postgres(one.folder);
    configure(member);
    start_host(member);
  }
  REQUIRE_MESSAGE(eventually(90s, [&] { return whole(); }), log(0) << log(1));
  // loop_wait + 2 * retry_timeout <= ttl
  tell(
    *leader(), "PATCH", "config",
    json{{"ttl", ttl_s}, {"loop_wait", ttl_s >= 20 ? 2 : 1}, {"retry_timeout", ttl_s >= 20 ? 6 : 3}}
      .dump());
  pg_exec(url_of("postgres", "postgres"), "create role furrow login password '" + password_ + "'");
  pg_exec(url_of("postgres", "postgres"), "create database furrow owner furrow");
  // libpq asks the members in order, and one that has not replayed the new database yet ends the connection.
  REQUIRE(eventually(10s, [&] {
    try {
      return exec("select 1").size() == 1;
    } catch (const std::runtime_error&) {
      return false;
    }
  }));
}

patroni_pair::~patroni_pair() {
  for (std::size_t member = 0; member < members_.size(); ++member)
    kill_host(member);
  etcd_.reset();
  std::error_code ignored; // a folder of a test
  fs::remove_all(folder_, ignored);
}

void patroni_pair::start_etcd() {
  etcd_port_ = free_port();
  const auto peer = local(free_port());
  give_to_postgres(folder_);
  const auto text =
    shipped("etcd.conf", {{",db2=http://10.0.0.12:2380,db3=http://10.0.0.13:2380", ""},
                          {"10.0.0.11:2379", local(etcd_port_)},
                          {"10.0.0.11:2380", peer},
                          {"/var/lib/etcd/furrow", (folder_ / "etcd").string()}});
  etcd_ = start_as_postgres({etcd}, folder_, (folder_ / "etcd.log").string(), settings_in(text));
}

void patroni_pair::configure(std::size_t member) const {
  const auto& one = members_[member];
  const auto folder = one.folder.string();
  const auto text =
    shipped("patroni.yml",
            {{"name: db1\n", "name: db" + std::to_string(member + 1) + "\n"},
             {"[10.0.0.11:2379, 10.0.0.12:2379, 10.0.0.13:2379]", "[" + local(etcd_port_) + "]"},
             {"10.0.0.11:8008", local(one.rest_port)},
             {"10.0.0.11:5432", local(one.port)},
             {"10.0.0.0/24", "127.0.0.0/8"},
             {"/etc/patroni/ca.pem", tls_.cert},
             {"/etc/patroni/server.pem", tls_.cert},
             {"/etc/patroni/server.key", tls_.key},
             {"/var/lib/postgresql/15/furrow", folder + "/data"},
             {"/var/lib/postgresql/.pgpass-patroni", folder + "/pgpass"},
             {"/var/run/postgresql", folder},
             {"/usr/lib/postgresql/15/bin", server_programs().string()},
             {"mode: automatic", "mode: 'off'"}});
  std::ofstream{one.folder / "patroni.yml"} << text;
}

void patroni_pair::start_host(std::size_t member) {
  auto& one = members_[member];
  std::vector<std::string> passwords;
  for (const auto* name : {"SUPERUSER", "REPLICATION", "REWIND", "RESTAPI"})
    passwords.push_back("PATRONI_" + std::string{name} + "_PASSWORD=" + password_);
  one.patroni = start_as_postgres(
    {python, patroni, (one.folder / "patroni.yml").string()}, one.folder,
    (folder_ / ("patroni-" + std::to_string(member + 1) + ".log")).string(), passwords);
}

std::string patroni_pair::url_of(const std::string& role, const std::string& database) const {
  return "postgresql://" + role + ":" + password_ + "@" + local(members_[0].port) + ","
         + local(members_[1].port) + "/" + database
         + "?target_session_attrs=read-write&connect_timeout=2&sslmode=verify-full&sslrootcert="
         + tls_.cert;
}

std::string patroni_pair::url() const {
  return url_of("furrow", "furrow");
}

std::string patroni_pair::ask(std::size_t member, const std::string& path) const {
  return program{
    {"/usr/bin/curl", "-s", "-m", "2", "http://" + local(members_[member].rest_port) + "/" + path},
    {}}
    .wait()
    .out;
}

void patroni_pair::tell(std::size_t member,
                        const std::string& method,
                        const std::string& path,
                        const std::string& body) const {
  const auto answer = program{
    {"/usr/bin/curl", "-s", "-f", "-m", "30", "-u", "patroni:" + password_, "-X", method, "-d",
     body, "http://" + local(members_[member].rest_port) + "/" + path},
    {}}.wait();
  REQUIRE_MESSAGE(answer.exit_code == 0, method << " " << path << ": " << answer.out);
}

namespace {

/// The members as one of them has them; empty when it does not answer.
json members_of(const std::string& answer) {
  const auto all = json::parse(answer, nullptr, false);
  return all.is_object() && all.contains("members") ? all["members"] : json::array();
}

} // namespace

std::optional<std::size_t> patroni_pair::leader() const {
  for (std::size_t asked = 0; asked < members_.size(); ++asked)
    for (const auto& one : members_of(ask(asked, "cluster")))
      if (one.value("role", "") == "leader" && one.value("state", "") == "running")
        return one.value("name", "") == "db1" ? 0 : 1;
  return std::nullopt;
}

bool patroni_pair::whole() const {
  bool leads = false;
  bool follows = false;
  for (const auto& one : members_of(ask(0, "cluster"))) {
    const bool runs = one.value("state", "") == "running" || one.value("state", "") == "streaming";
    leads = leads || (runs && one.value("role", "") == "leader");
    follows = follows || (runs && one.value("role", "") == "sync_standby");
  }
  return leads && follows;
}

pid_t patroni_pair::server(std::size_t member) const {
  std::ifstream in{members_[member].folder / "data" / "postmaster.pid"};
  pid_t pid = 0;
  in >> pid;
  return pid;
}

void patroni_pair::kill_server(std::size_t member) const {
  const auto pid = server(member);
  REQUIRE(pid > 0);
  ::kill(pid, SIGKILL);
}

void patroni_pair::signal_host(std::size_t member, int number) const {
  // Patroni first, so that it does not see its server die.
  if (members_[member].patroni)
    members_[member].patroni->signal(number);
  const auto pid = server(member);
  if (pid <= 0)
    return;
  const auto backends = children_of(pid);
  ::kill(pid, number);
  for (const auto child : backends)
    ::kill(child, number);
}

void patroni_pair::kill_host(std::size_t member) {
  signal_host(member, SIGKILL);
  members_[member].patroni.reset();
}

void patroni_pair::freeze_host(std::size_t member) const {
  signal_host(member, SIGSTOP);
}

void patroni_pair::thaw_host(std::size_t member) const {
  signal_host(member, SIGCONT);
}

void patroni_pair::switch_over() {
  const auto from = leader();
  REQUIRE(from);
  const auto name = [](std::size_t member) { return "db" + std::to_string(member + 1); };
  tell(*from, "POST", "switchover",
       json{{"leader", name(*from)}, {"candidate", name(1 - *from)}}.dump());
  REQUIRE(eventually(30s, [&] { return leader() == 1 - *from; }));
}

std::string patroni_pair::log(std::size_t member) const {
  return read_file(folder_ / ("patroni-" + std::to_string(member + 1) + ".log"));
}

} // namespace furrow::tests
