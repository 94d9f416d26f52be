// Symptom: behind a real PgBouncer in transaction mode, at a database whose default is synchronous_commit = off, 810 of 944
// commits ran with it off, so that an ack told of a commit that a crash may forget.
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/support/eventually.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::optional<std::string> find_pgbouncer() {
  for (const auto* path : {"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"})
    if (::access(path, X_OK) == 0)
      return path;
  MESSAGE("skipped: there is no pgbouncer on this machine (package pgbouncer)");
  return std::nullopt;
}

bool accepts(int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool accepted = ::connect(probe, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  ::close(probe);
  return accepted;
}

/// PgBouncer in front of the shared cluster, with few connections of its own, for the life of the object.
class bouncer {
public:
  bouncer(const std::string& program, const std::string& mode) {
    const auto folder = std::filesystem::path{shared_cluster().folder()};
    const auto config = folder / ("pgbouncer-" + mode + ".ini");
    const auto users = folder / "pgbouncer-users";
    std::ofstream{users} << "\"postgres\" \"\"\n";
    for (int tries = 0; pid_ == 0 && tries < 20; ++tries) {
      port_ = 20'000 + static_cast<int>(std::random_device{}() % 12'000);
      if (accepts(port_))
        continue;
      std::ofstream{config}
        << "[databases]\n* = host=127.0.0.1 port=" << shared_cluster().port()
        << " user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port_
        << "\nunix_socket_dir =\nauth_type = trust\nauth_file = " << users.string()
        << "\npool_mode = " << mode << "\ndefault_pool_size = " << (mode == "session" ? 20 : 2)
        << "\nignore_startup_parameters = extra_float_digits\n";
      start(program, config.string(), (folder / "pgbouncer.log").string());
    }
    REQUIRE(eventually(patience, [&] { return accepts(port_); }));
  }
  bouncer(const bouncer&) = delete;
  bouncer& operator=(const bouncer&) = delete;
  ~bouncer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] std::string url(const std::string& database) const {
    return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
  }

private:
  void start(const std::string& program, const std::string& config, const std::string& log) {
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ != 0)
      return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::geteuid() == 0) // it does not run as root
      ::execl(program.c_str(), "pgbouncer", "-u", "postgres", config.c_str(), nullptr);
    else
      ::execl(program.c_str(), "pgbouncer", config.c_str(), nullptr);
    ::_exit(127);
  }

  pid_t pid_ = 0;
  int port_ = 0;
};

/// Notes with which settings each transaction that moves a watermark commits.
void note_commits(postgres_bed& bed) {
  bed.tamper(
    "create table public.commit_note (durable text, path text, zone text); "
    "create function public.note_commit() returns trigger language plpgsql security definer as $$ "
    "begin insert into public.commit_note values (current_setting('synchronous_commit'), "
    "current_setting('search_path'), current_setting('timezone')); return null; end $$; "
    "create constraint trigger note after insert or update on furrow.stream_watermark deferrable "
    "initially deferred for each row execute function public.note_commit()");
}

class client {
public:
  explicit client(const std::string& url) : connection_{PQconnectdb(url.c_str()), PQfinish} {
    REQUIRE_MESSAGE(PQstatus(connection_.get()) == CONNECTION_OK,
                    PQerrorMessage(connection_.get()));
  }
  void run(const std::string& sql) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> rows{
      PQexec(connection_.get(), sql.c_str()), PQclear};
    const auto status = PQresultStatus(rows.get());
    REQUIRE_MESSAGE((status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK),
                    PQerrorMessage(connection_.get()));
  }

private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

std::unique_ptr<store> open_behind(const std::string& url) {
  store_options options;
  options.url = url;
  return must(open_store(options));
}

} // namespace

TEST_CASE("pgbouncer: in session mode every claim and append commits durably, with our settings") {
  const auto program = find_pgbouncer();
  if (!program)
    return;
  postgres_bed bed;
  static_cast<void>(bed.open_migrated());
  for (const auto* setting : {"synchronous_commit = off", "timezone = 'Asia/Kathmandu'"})
    bed.tamper("alter database " + bed.name() + " set " + setting);
  note_commits(bed);
  const bouncer front{*program, "session"};
  for (unsigned round = 1; round <= 4; ++round) { // each takes over the sessions of the one before
    const auto store = open_behind(front.url(bed.name()));
    append_blocks(*store, "T" + std::to_string(round), round, {mixed_block(round, 50)});
    CHECK(ledger(*store, "T" + std::to_string(round))[0].durable == 50);
  }
  CHECK(std::stoi(bed.value("select count(*) from public.commit_note")) >= 8);
  CHECK(bed.value("select count(*) from public.commit_note where durable <> 'on'") == "0");
  CHECK(bed.value("select count(*) from public.commit_note where zone <> 'UTC'") == "0");
}

TEST_CASE(
  "pgbouncer: in transaction mode a node is refused in one line, and no commit is at risk") {
  const auto program = find_pgbouncer();
  if (!program)
    return;
  postgres_bed bed;
  const auto direct = bed.open_migrated();
  bed.tamper("alter database " + bed.name() + " set synchronous_commit = off");
  const auto claimed = claim(*direct, request_for("T1", 1)).claim;
  note_commits(bed);
  const bouncer front{*program, "transaction"};
  const auto store = open_behind(front.url(bed.name()));
  const auto refused =
    answer_of<std::vector<migration_row>>([&](auto done) { store->migration_status(done); });
  REQUIRE_FALSE(refused);
  CHECK(refused.code() == errc::misconfigured);
  CHECK(refused.error().detail
        == "the database URL leads to a pooler in transaction mode, and Furrow needs sessions; "
           "use the pooler's session mode, or the server itself");
  // What moves a watermark is durable by itself, also in a server's session that another program has left with it off.
  client other{front.url(bed.name())};
  client ours{front.url(bed.name())};
  for (int at = 0; at < 40; ++at) {
    other.run("set synchronous_commit = off");
    ours.run("select furrow.advance('{" + std::to_string(claimed.stream) + "}', '{"
             + std::to_string(claimed.epoch) + "}', '{" + std::to_string(at) + "}', '{"
             + std::to_string(at + 1) + "}', '{99}')");
  }
  CHECK(bed.value("select count(*) from public.commit_note") == "40");
  CHECK(bed.value("select count(*) from public.commit_note where durable <> 'on'") == "0");
}
