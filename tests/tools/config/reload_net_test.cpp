// SIGHUP: what a running node and a running gateway take from changed files, and what they keep.
#include "tests/support/certificate.hpp"
#include "tests/support/cluster_authority.hpp"
#include "tests/support/program.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tests/tools/furrowd/node_program.hpp"
#include "tools/furrowd/access/tokens.hpp"

#include <doctest/doctest.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

namespace asio = boost::asio;

std::string token_lines(const std::string& token, const std::string& role) {
  return "[[token]]\nsha256 = \"" + furrow::daemon::hash_of_token(token) + "\"\nrole = \"" + role
         + "\"\n";
}

std::uint16_t unused_port() {
  asio::io_context io;
  const asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  return acceptor.local_endpoint().port();
}

/// A program without a terminal, as a service manager starts it.
class service {
public:
  service(const std::string& program,
          std::vector<std::string> flags,
          std::string output,
          const std::string& input = "/dev/null")
    : process_{"/usr/bin/setsid", with(program, std::move(flags)), std::move(output), input} {}

  void await(const std::string& text, std::size_t times = 1) const {
    const auto came = eventually(node_patience, [&] { return count(text) >= times; });
    REQUIRE_MESSAGE(came, "no \"" << text << "\" in: " << process_.output());
  }
  /// Sends SIGHUP and waits for the answer.
  void reload(const std::string& answer) {
    process_.signal(SIGHUP);
    await("reload: ", ++reloads_);
    const auto output = process_.output();
    const auto last = output.substr(output.rfind("reload: "));
    CHECK_MESSAGE(last.find(answer) != std::string::npos, last);
  }
  std::optional<int> end() {
    process_.signal(SIGTERM);
    return process_.wait(node_patience);
  }
  [[nodiscard]] std::string output() const { return process_.output(); }
  [[nodiscard]] std::uint16_t http_port() const { return port(" http="); }
  [[nodiscard]] std::uint16_t link_port() const { return port(" link="); }

private:
  [[nodiscard]] std::uint16_t port(const char* name) const {
    return node_program::port_of(value_after(process_.output(), name));
  }
  static std::vector<std::string> with(const std::string& program, std::vector<std::string> flags) {
    flags.insert(flags.begin(), program);
    return flags;
  }
  [[nodiscard]] std::size_t count(const std::string& text) const {
    const auto output = process_.output();
    std::size_t found = 0;
    for (auto at = output.find(text); at != std::string::npos; at = output.find(text, at + 1))
      ++found;
    return found;
  }

  child_process process_;
  std::size_t reloads_ = 0;
};

/// A node whose settings stand in a file.
struct node_service {
  explicit node_service(const std::string& text, std::uint16_t gateways = 0)
    : file{folder.write("node.toml",
                        text + "database = \"sqlite:" + folder.file("node.db")
                          + "\"\nhttp = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:"
                          + std::to_string(gateways) + "\"\n")} {
    start();
  }
  void start() {
    process.reset();
    process = std::make_unique<service>(FURROW_BIN_DIR "/furrowd",
                                        std::vector<std::string>{"--config", file},
                                        folder.file("output" + std::to_string(++starts)));
    process->await("ready gateway=");
  }
  /// Changes a text of the file.
  void change(const std::string& from, const std::string& to) const {
    std::ifstream in{file};
    std::string all{std::istreambuf_iterator<char>{in}, {}};
    const auto at = all.find(from);
    REQUIRE(at != std::string::npos);
    all.replace(at, from.size(), to);
    (void)folder.write("node.toml", all);
  }
  /// The status of a route for people.
  [[nodiscard]] int status(const std::string& token) const {
    return node_program::http_ask(process->http_port(), "GET", "/api/v1/equipment",
                                  "Authorization: Bearer " + token + "\r\n")
      .status;
  }

  scratch_folder folder;
  std::string file;
  std::unique_ptr<service> process;
  int starts = 0;
};

/// A TLS connection that stays open.
class tls_client {
public:
  explicit tls_client(std::uint16_t port) : stream_{io_, context_} {
    stream_.lowest_layer().connect({asio::ip::address_v4::loopback(), port});
    stream_.handshake(asio::ssl::stream_base::client);
  }
  /// SHA-256 of the certificate that the node presented.
  [[nodiscard]] std::string certificate() {
    std::string hash(32, '\0');
    X509_digest(SSL_get0_peer_certificate(stream_.native_handle()), EVP_sha256(),
                reinterpret_cast<unsigned char*>(hash.data()), nullptr);
    return hash;
  }
  int health() {
    const std::string request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    asio::write(stream_, asio::buffer(request));
    const auto head = asio::read_until(stream_, asio::dynamic_buffer(answer_), "\r\n\r\n");
    const auto length = std::stoul(answer_.substr(answer_.find("Content-Length: ") + 16));
    while (answer_.size() < head + length) {
      std::array<char, 1'024> more{};
      answer_.append(more.data(), stream_.read_some(asio::buffer(more)));
    }
    const auto status = std::stoi(answer_.substr(answer_.find(' ') + 1));
    answer_.erase(0, head + length);
    return status;
  }

private:
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
  std::string answer_;
};

void copy(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

} // namespace

TEST_CASE("furrowd reload: applies what it can, and names the keys that need a restart") {
  const node_service node{"lanes = 2\nlog_level = \"info\"\nhttp_connections = 100\n"
                          "http_connections_per_address = 40\nhttp_requests_per_token = 10\n"};
  node.process->reload("done\n");
  node.change("lanes = 2", "lanes = 3");
  node.change("\"info\"", "\"debug\"");
  node.change("= 100", "= 200");
  node.change("= 40", "= 50");
  node.change("= 10\n", "= 20\n");
  node.process->reload("done; restart needed: lanes\n");
  node.process->reload("done; restart needed: lanes\n"); // it still waits
  node.change("lanes = 3", "lanes = 99");
  node.process->reload(node.file
                       + ":1:9: lanes: value 99 not in range 1 to 16; the old "
                         "configuration stays in force\n");
  node.change("lanes = 99", "lanes = 2");
  node.process->reload("done\n");
  node.change("\"debug\"", "\"error\"");
  node.process->reload("done\n");
  CHECK(node.process->end() == 0);
  CHECK(node.process->output().find("draining") == std::string::npos); // an info line
}

TEST_CASE("furrowd config: a node shows the settings in force as `config show --origin` does") {
  const node_service node{"redis = \"redis://:streng@127.0.0.1:1\"\nlanes = 2\n"
                          "http_connections = 100\n"};
  const auto asked = [&] {
    const auto answer = node_program::http_get(node.process->http_port(), "/api/v1/config");
    REQUIRE(answer.status == 200);
    CHECK(answer.body.find("streng") == std::string::npos);
    return nlohmann::json::parse(answer.body);
  };
  const auto setting = [&](const std::string& key) {
    const auto now = asked();
    for (const auto& one : now["settings"])
      if (one["key"] == key)
        return one;
    return nlohmann::json{};
  };
  // The same lines, but for the blanks between a value and its origin.
  const auto narrow = [](std::string text) {
    text.erase(std::unique(text.begin(), text.end(),
                           [](char left, char right) { return left == ' ' && right == ' '; }),
               text.end());
    return text;
  };
  std::string lines;
  const auto first = asked();
  for (const auto& one : first["settings"]) {
    const auto key = one["key"].get<std::string>();
    lines +=
      one["value"].is_null() ? '#' + key + " =" : key + " = " + one["value"].get<std::string>();
    lines +=
      " # " + (one["place"].is_null() ? one["origin"] : one["place"]).get<std::string>() + "\n";
  }
  const auto show =
    run_program({FURROW_BIN_DIR "/furrowd", "config", "show", "--origin", "--config", node.file});
  REQUIRE_MESSAGE(show.exit_code == 0, show.errors);
  CHECK(narrow(lines) == narrow(show.out));
  CHECK(asked()["files"] == nlohmann::json{node.file});
  CHECK(setting("redis")["value"] == "\"***\"");
  CHECK(setting("lanes")["origin"] == "file");
  CHECK(setting("lanes")["place"] == node.file + ":2:9");
  CHECK(setting("drain")["origin"] == "default");
  // A reload applies one of them; the other waits for a restart.
  node.change("lanes = 2", "lanes = 3");
  node.change("= 100", "= 200");
  node.process->reload("done; restart needed: lanes\n");
  CHECK(setting("http_connections")["value"] == "200");
  CHECK(setting("http_connections")["at_reload"] == true);
  CHECK(setting("lanes")["value"] == "2");
  CHECK(node.process->end() == 0);
}

TEST_CASE("furrowd reload: new tokens count at once, and an invalid token file changes nothing") {
  const scratch_folder folder;
  const auto tokens = folder.write("tokens.toml", token_lines("one", "viewer"));
  const node_service node{"tokens = \"" + tokens + "\"\n"};
  CHECK(node.status("one") == 200);
  CHECK(node.status("two") == 401);
  (void)folder.write("tokens.toml", token_lines("two", "viewer"));
  node.process->reload("done\n");
  CHECK(node.status("one") == 401);
  CHECK(node.status("two") == 200);
  (void)folder.write("tokens.toml", "[[token]]\nrole = 'viewer'\n");
  node.process->reload(tokens + ":1:1: this token has no sha256; the old configuration stays");
  CHECK(node.status("two") == 200);
  node.change("tokens = ", "#tokens = ");
  node.process->reload("done; restart needed: tokens\n");
  CHECK(node.status("two") == 200);
  CHECK(node.status("none") == 401);
  CHECK(node.process->end() == 0);
}

TEST_CASE("furrowd reload: new handshakes get the new certificate, open connections go on") {
  const scratch_folder folder;
  const certificate first;
  const certificate second{9};
  const auto cert = folder.file("cert.pem");
  const auto key = folder.file("key.pem");
  copy(first.cert, cert);
  copy(first.key, key);
  const node_service node{"tls_cert = \"" + cert + "\"\ntls_key = \"" + key + "\"\n"};
  const auto port = node.process->http_port();
  tls_client old{port};
  CHECK(old.health() == 200);

  copy(second.key, key); // the new key with the old certificate
  node.process->reload("the old configuration stays in force");
  CHECK(tls_client{port}.certificate() == old.certificate());

  copy(second.cert, cert);
  node.process->reload("done\n");
  CHECK(old.health() == 200);
  tls_client fresh{port};
  CHECK(fresh.health() == 200);
  CHECK(fresh.certificate() != old.certificate());

  std::filesystem::remove(cert);
  node.process->reload(cert + ": TLS certificate: No such file or directory; the old");
  CHECK(tls_client{port}.certificate() == fresh.certificate());
  CHECK(node.process->end() == 0);
}

TEST_CASE(
  "furrowd reload: the link between nodes takes new certificates, and keeps those that it has "
  "where the new ones do not fit") {
  const scratch_folder folder;
  const cluster_authority authority;
  const auto first = authority.issue("n1");
  const auto second = authority.issue("n1");
  const auto stranger = authority.issue("n2");
  const auto cert = folder.file("link.pem");
  const auto key = folder.file("link.key");
  copy(first.cert, cert);
  copy(first.key, key);
  const node_service node{"node = \"n1\"\nlink = \"127.0.0.1:0\"\nlink_ca = \"" + authority.cert()
                          + "\"\nlink_cert = \"" + cert + "\"\nlink_key = \"" + key + "\"\n"};
  const auto port = node.process->link_port();
  const auto presented = [&] { return tls_client{port}.certificate(); };
  const auto before = presented();
  node.process->reload("done\n");
  CHECK(presented() == before);

  copy(second.key, key); // the new key with the old certificate
  node.process->reload("link_key " + key + ": key values mismatch");
  CHECK(node.process->output().find("the old configuration stays in force") != std::string::npos);
  CHECK(presented() == before);

  copy(second.cert, cert);
  node.process->reload("done\n");
  const auto after = presented();
  CHECK(after != before);

  copy(stranger.cert, cert);
  copy(stranger.key, key);
  node.process->reload("link_cert " + cert + ": does not name this node");
  CHECK(presented() == after);
  std::filesystem::remove(cert);
  node.process->reload("link_cert " + cert + ": No such file or directory; the old");
  CHECK(presented() == after);
  CHECK(node.process->end() == 0);
}

TEST_CASE("furrow-edge reload: a new token counts from the next connection on") {
  const scratch_folder folder;
  const auto tokens = folder.write("tokens.toml", token_lines("one", "gateway"));
  const auto port = unused_port();
  node_service node{"tokens = \"" + tokens + "\"\n", port};
  const auto token = folder.write("token", "one\n");
  const auto input = folder.file("frames");
  REQUIRE(::mkfifo(input.c_str(), 0600) == 0);
  const int frames = ::open(input.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(frames >= 0);
  const auto spool = folder.file("t1.spool");
  service edge{FURROW_BIN_DIR "/furrow-edge",
               {"run", "--config", "/dev/null", "--node", "127.0.0.1:" + std::to_string(port),
                "--equipment", "T1", "--spool", spool, "--from", "-", "--token-file", token},
               folder.file("edge"),
               input};
  const auto send = [&](std::uint64_t from) {
    const auto text = numbered_log(from, 10);
    REQUIRE(::write(frames, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  };
  const auto await_durable = [&](const std::string& count) {
    const auto came = eventually(node_patience, [&] {
      return run_program({FURROW_BIN_DIR "/furrow-edge", "spool", "info", spool, "-o", "json"})
               .out.find("\"acked\":" + count + ",")
             != std::string::npos;
    });
    REQUIRE_MESSAGE(came, edge.output());
  };
  send(1);
  await_durable("10");

  (void)folder.write("tokens.toml", token_lines("two", "gateway"));
  node.process->reload("done\n");
  std::filesystem::remove(token);
  edge.reload("the old configuration stays in force");
  (void)folder.write("token", "two\n");
  edge.reload("done\n");
  CHECK(node.process->end() == 0);
  node.start();
  send(11);
  await_durable("20");
  ::close(frames);
  CHECK(edge.end() == 0);
}
