// TLS to the server, and several servers of which one is writable.
#include "storage/postgres/connection/connection.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/eventually.hpp"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>

using namespace furrow::storage;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

void give_to_server(const fs::path& file) {
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  const auto* user = ::getpwnam("postgres");
  if (::geteuid() == 0 && user != nullptr)
    REQUIRE(::chown(file.c_str(), user->pw_uid, user->pw_gid) == 0);
}

/// A second server with TLS, beside the shared one.
struct other_server {
  certificate identity;
  pg_cluster cluster;

  other_server() {
    const auto data = cluster.folder() / "data";
    fs::copy_file(identity.cert, data / "server.crt");
    fs::copy_file(identity.key, data / "server.key");
    give_to_server(data / "server.crt");
    give_to_server(data / "server.key");
    cluster.exec("alter system set ssl = on");
    reload();
    REQUIRE(eventually(patience, [&] { return cluster.value("show ssl") == "on"; }));
  }
  void reload() { cluster.exec("select pg_reload_conf()"); }
  void set_read_only(bool on) {
    cluster.exec(std::string{"alter system set default_transaction_read_only = "}
                 + (on ? "on" : "off"));
    reload();
    REQUIRE(eventually(patience, [&] {
      return cluster.value("show default_transaction_read_only") == (on ? "on" : "off");
    }));
  }
  [[nodiscard]] std::string port() const { return std::to_string(cluster.port()); }
};

other_server& second() {
  static other_server made;
  return made;
}

std::unique_ptr<store> open_at(const std::string& url) {
  store_options options;
  options.url = url;
  options.connect_timeout = 5s;
  return must(open_store(options));
}

furrow::storage::result<std::vector<claim_outcome>> try_claim(store& store) {
  return answer_of<std::vector<claim_outcome>>(
    [&](auto done) { store.claim({request_for("T1", 1)}, done); });
}

/// How long an attempt to connect takes when the first of these hosts has just been given up, and none answers.
std::chrono::nanoseconds failed_after(const std::string& hosts, std::chrono::milliseconds timeout) {
  const auto begun = std::chrono::steady_clock::now();
  pq_connection::settings settings;
  settings.url = "postgresql://postgres@" + hosts + "/furrow?sslmode=disable";
  settings.connect_timeout = timeout;
  settings.watch = std::make_shared<server_watch>(5s, 60s);
  settings.watch->gone(0, begun);
  boost::asio::io_context context;
  pq_connection connection{context, settings};
  bool has_failed = false;
  const auto attempt = [&]() -> task<void> {
    const auto error = co_await connection.connect();
    has_failed = error.has_value();
  };
  boost::asio::co_spawn(context, attempt, boost::asio::detached);
  context.run();
  CHECK(has_failed);
  return std::chrono::steady_clock::now() - begun;
}

} // namespace

TEST_CASE("postgres: a server that was given up gets little time while another may take over, and "
          "all of it when it is the only one") {
  using boost::asio::ip::tcp;
  boost::asio::io_context context;
  const tcp::acceptor hangs{
    context, {boost::asio::ip::address_v4::loopback(), 0}}; // takes bytes, never answers
  const auto silent = "127.0.0.1:" + std::to_string(hangs.local_endpoint().port());
  const std::string closed = "127.0.0.1:1";
  CHECK(failed_after(silent + "," + closed, 20s) < 5s); // its share is 10 s
  CHECK(failed_after(silent, 1s) >= 1s);
}

TEST_CASE("postgres: sslmode=verify-full accepts the right authority and rejects another") {
  auto& server = second();
  const auto url = [&](const std::string& host, const std::string& authority) {
    return "postgresql://postgres@" + host + ":" + server.port()
           + "/furrow?sslmode=verify-full&sslrootcert=" + authority;
  };
  const auto sound = open_at(url("localhost", server.identity.cert));
  (void)must(answer_of<std::vector<migration_row>>([&](auto done) { sound->migrate(done); }));
  CHECK(try_claim(*sound).has_value());
  CHECK(std::stoi(server.cluster.value(
          "select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid) where s.ssl and "
          "a.application_name = 'furrow/claims'"))
        == 1);
  const certificate stranger;
  const auto refused = try_claim(*open_at(url("localhost", stranger.cert)));
  CHECK(refused.code() == errc::misconfigured);
  CHECK(refused.error().detail.find("certificate") != std::string::npos);
  const auto missing = try_claim(*open_at(url("localhost", "/no/such/ca.pem")));
  CHECK(missing.code() == errc::misconfigured);
  // The certificate is for localhost and 127.0.0.1, not for this name.
  const auto other_name =
    try_claim(*open_at(url("db.example", server.identity.cert) + "&hostaddr=127.0.0.1"));
  CHECK(other_name.code() == errc::misconfigured);
  CHECK(other_name.error().detail.find("db.example") != std::string::npos);
}

TEST_CASE("postgres: uses the writable one of several hosts, in any order") {
  auto& server = second();
  postgres_bed bed;
  (void)bed.open_migrated();
  server.cluster.make_database(bed.name());
  {
    const auto other = open_at(server.cluster.url(bed.name()));
    (void)must(answer_of<std::vector<migration_row>>([&](auto done) { other->migrate(done); }));
  }
  const auto port = std::to_string(shared_cluster().port());
  server.set_read_only(true);
  const auto store = open_at("postgresql://postgres@127.0.0.1:" + server.port()
                             + ",127.0.0.1:" + port + "/" + bed.name());
  CHECK(must(try_claim(*store)).front().durable_seq == 0);
  CHECK(bed.value("select count(*) from furrow.stream") == "1");
  CHECK(server.cluster.value("select count(*) from furrow.stream", bed.name()) == "0");
  CHECK(answer_of<std::vector<equipment_row>>([&](auto done) {
          store->list_equipment("", done);
        }).has_value());
  // The roles change: the first is writable again, the second is gone.
  server.set_read_only(false);
  shared_cluster().stop_fast();
  REQUIRE(eventually(patience, [&] { return try_claim(*store).has_value(); }));
  CHECK(server.cluster.value("select count(*) from furrow.stream", bed.name()) == "1");
  CHECK(
    must(answer_of<std::vector<equipment_row>>([&](auto done) { store->list_equipment("", done); }))
      .size()
    == 1);
  shared_cluster().start();
}
