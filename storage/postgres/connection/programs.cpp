#include "storage/postgres/connection/programs.hpp"

#include "storage/postgres/connection/pq.hpp"
#include "storage/postgres/connection/spawn.hpp"
#include "storage/postgres/connection/url.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

namespace furrow::storage {

namespace {

std::string read_from_start(int file, std::size_t bytes_max) {
  std::string text(bytes_max, '\0');
  const auto got = ::pread(file, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

/// 15 from "pg_dump (PostgreSQL) 15.18 (Debian ...)"; 0 for any other text.
int major_of(const std::string& program) {
  if (::access(program.c_str(), X_OK) != 0)
    return 0;
  const int out = ::memfd_create("version", MFD_CLOEXEC);
  int major = 0;
  if (auto child = pg_child::start({program, "--version"}, {}, -1, out); child && child->wait()) {
    const auto said = read_from_start(out, 256);
    const auto at = said.find(") ");
    if (at != std::string::npos)
      major = std::atoi(said.c_str() + at + 2);
  }
  ::close(out);
  return major;
}

std::vector<std::string> folders(int server_major) {
  std::vector<std::string> out;
  for (int major = server_major; major < server_major + 4; ++major) {
    out.push_back("/usr/lib/postgresql/" + std::to_string(major) + "/bin");
    out.push_back("/usr/pgsql-" + std::to_string(major) + "/bin");
  }
  const char* const path = std::getenv("PATH");
  std::istringstream in{path != nullptr ? path : ""};
  for (std::string folder; std::getline(in, folder, ':');)
    if (!folder.empty())
      out.push_back(folder);
  return out;
}

std::string quoted(std::string_view value) {
  std::string out = "'";
  for (const char letter : value) {
    if (letter == '\'' || letter == '\\')
      out += '\\';
    out += letter;
  }
  return out + "'";
}

} // namespace

result<pg_programs> find_pg_programs(int server_major) {
  for (const auto& folder : folders(server_major)) {
    const pg_programs programs{folder, major_of(folder + "/pg_dump")};
    if (programs.major < server_major)
      continue;
    const bool whole = ::access(programs.path("pg_restore").c_str(), X_OK) == 0
                       && ::access(programs.path("psql").c_str(), X_OK) == 0;
    if (whole)
      return programs;
  }
  return failure{errc::misconfigured,
                 "no pg_dump, pg_restore and psql for PostgreSQL " + std::to_string(server_major)
                   + " here: install postgresql-client-" + std::to_string(server_major)};
}

result<child_url> for_children(const std::string& url) {
  const auto sound = check_postgres_url(url);
  if (!sound)
    return sound.error();
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options{
    PQconninfoParse(url.c_str(), nullptr), PQconninfoFree};
  if (!options)
    return failure{errc::misconfigured, "not a database URL"};
  child_url out;
  for (const auto* one = options.get(); one->keyword != nullptr; ++one) {
    if (one->val == nullptr)
      continue;
    const std::string_view keyword{one->keyword};
    if (keyword == "password")
      out.environment.push_back(std::string{"PGPASSWORD="} + one->val);
    else if (keyword == "sslpassword")
      return failure{
        errc::misconfigured,
        "sslpassword would be visible in pg_dump's command line: use a key without a password"};
    else
      out.connection +=
        (out.connection.empty() ? "" : " ") + std::string{keyword} + "=" + quoted(one->val);
  }
  if (out.connection.empty())
    out.connection = "dbname=''";
  return out;
}

result<pg_child> pg_child::start(const std::vector<std::string>& words,
                                 const std::vector<std::string>& environment,
                                 int in,
                                 int out) {
  const int errors = ::memfd_create("errors", MFD_CLOEXEC);
  if (errors < 0)
    return failure{errc::retry_later, words[0] + ": " + std::strerror(errno)};
  auto settings = environment;
  settings.emplace_back("LC_ALL=C.UTF-8");
  const auto pid = spawn(words, std::move(settings), {in, out, errors});
  if (!pid) {
    ::close(errors);
    return pid.error();
  }
  return pg_child{*pid, words[0].substr(words[0].rfind('/') + 1), errors};
}

pg_child::pg_child(pg_child&& other) noexcept
  : pid_{std::exchange(other.pid_, -1)}, name_{std::move(other.name_)}, errors_{std::exchange(
                                                                          other.errors_, -1)} {}

pg_child::~pg_child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  if (errors_ >= 0)
    ::close(errors_);
}

result<done> pg_child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return done{};
  auto said = read_from_start(errors_, 4'096);
  said.erase(std::min(said.find('\n'), said.size()));
  if (said.empty())
    said = WIFEXITED(status) ? "ended with " + std::to_string(WEXITSTATUS(status))
                             : "was killed by signal " + std::to_string(WTERMSIG(status));
  return failure{errc::misconfigured, said.starts_with(name_) ? said : name_ + ": " + said};
}

} // namespace furrow::storage
