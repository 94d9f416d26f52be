// Links between nodes over real sockets: asks and answers, and every kind of peer that must not get in.
#include "tests/support/cluster_authority.hpp"
#include "tests/support/eventually.hpp"
#include "tools/furrowd/link/link_hub.hpp"

#include <doctest/doctest.h>

#include <openssl/ssl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

using namespace furrow;
using namespace furrow::daemon;
using namespace std::chrono_literals;
using furrow::tests::cluster_authority;
using furrow::tests::eventually;
using furrow::tests::node_certificate;
namespace asio = boost::asio;
namespace net = furrow::proto::link;
using asio::ip::tcp;

namespace {

/// Says its own name to every ask for actors; is silent when it is asked for machines.
class echo_view final : public actors::peer_nodes {
public:
  explicit echo_view(std::string name) : name_{std::move(name)} {}
  void ask_peers(net::wish, heard) override {}
  void ask_peer(const std::string&, net::wish, heard) override {}
  void answer(const net::wish& what, actors::link_port::handler done) override {
    if (std::holds_alternative<net::report_wish>(what.what)) {
      done(net::report_answer{true, std::string(proto::message_bytes_max, 'x')});
      return;
    }
    if (!std::holds_alternative<net::actors_wish>(what.what))
      return;
    net::actors_page_answer page;
    page.rows.emplace_back();
    page.rows.back().id = 1;
    page.rows.back().name = name_;
    done(page);
  }

private:
  std::string name_;
};

const cluster_authority& authority() {
  static const cluster_authority made;
  return made;
}

link_tls tls_of(const node_certificate& own, const std::string& node) {
  auto made = make_link_tls({authority().cert(), own.cert, own.key}, node, {});
  REQUIRE_MESSAGE(made, (made ? "" : made.error().detail));
  return *made;
}

/// A node without actors: only its links.
class linked_node {
public:
  explicit linked_node(const std::string& name, link_limits limits = quick())
    : view_{name}, held_{io_.get_executor()} {
    std::signal(SIGPIPE, SIG_IGN); // as furrowd does
    link_hub::settings config;
    config.address = {asio::ip::address_v4::loopback(), 0};
    config.own = {name, "one", "test"};
    config.tls = tls_of(authority().issue(name), name);
    config.directory = directory;
    config.book = book;
    config.limits = limits;
    hub_ = std::make_shared<link_hub>(io_, std::move(config));
    const auto bound = hub_->open();
    REQUIRE(bound);
    at = *bound;
    hub_->start(view_);
    thread_ = std::thread{[this] { io_.run(); }};
  }
  linked_node(const linked_node&) = delete;
  linked_node& operator=(const linked_node&) = delete;
  ~linked_node() {
    hub_->stop();
    held_.reset();
    thread_.join();
  }

  [[nodiscard]] actors::peer_info info(const std::string& name) const {
    return {name, "one", "127.0.0.1:" + std::to_string(at.port()), true};
  }
  /// What the node hears when it asks another one.
  net::reply ask(const actors::peer_info& whom, decltype(net::wish::what) what) {
    std::promise<net::reply> heard;
    hub_->ask(whom, {{"default", {}, false, false}, std::move(what)},
              [&heard](net::reply said) { heard.set_value(std::move(said)); });
    auto told = heard.get_future();
    REQUIRE(told.wait_for(20s) == std::future_status::ready);
    return told.get();
  }
  /// CPU time of the thread that runs the links.
  [[nodiscard]] std::chrono::microseconds cpu() {
    clockid_t clock{};
    timespec used{};
    REQUIRE(::pthread_getcpuclockid(thread_.native_handle(), &clock) == 0);
    REQUIRE(::clock_gettime(clock, &used) == 0);
    return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec});
  }
  [[nodiscard]] std::uint64_t refused(link_refusal why) const {
    return book->counted().refused[static_cast<std::size_t>(why)];
  }

  static link_limits quick() {
    link_limits limits;
    limits.handshake = 500ms;
    return limits;
  }

  std::shared_ptr<actors::peer_directory> directory = std::make_shared<actors::peer_directory>();
  std::shared_ptr<link_book> book = std::make_shared<link_book>();
  tcp::endpoint at;

private:
  echo_view view_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> held_;
  std::shared_ptr<link_hub> hub_;
  std::thread thread_;
};

std::string failure_of(const net::reply& said) {
  const auto* failed = std::get_if<net::failed_answer>(&said);
  return failed == nullptr ? std::string{} : failed->reason;
}

/// A peer of the test's own making.
class hostile_peer {
public:
  explicit hostile_peer(const linked_node& node) : socket_{io_} { socket_.connect(node.at); }

  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  /// TLS with a certificate of any authority, or none; true when the handshake succeeds on this side.
  bool shake_hands(const std::optional<node_certificate>& own) {
    context_.set_verify_mode(asio::ssl::verify_none);
    if (own) {
      context_.use_certificate_chain_file(own->cert);
      context_.use_private_key_file(own->key, asio::ssl::context::pem);
    }
    stream_.emplace(socket_, context_);
    boost::system::error_code error;
    stream_->handshake(asio::ssl::stream_base::client, error);
    return !error;
  }
  void send_tls(const std::string& bytes) {
    boost::system::error_code ignored; // the node may have closed already
    asio::write(*stream_, asio::buffer(bytes), ignored);
  }
  void say(const net::message& what) {
    std::string bytes;
    REQUIRE(net::encode(what, bytes));
    send_tls(bytes);
  }
  /// Reads until the node closes; how long that took.
  std::chrono::milliseconds wait_for_end() {
    const auto start = std::chrono::steady_clock::now();
    std::array<char, 4'096> unread{};
    boost::system::error_code error;
    while (!error)
      (void)socket_.read_some(asio::buffer(unread), error);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now()
                                                                 - start);
  }

private:
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> stream_;
};

net::hello hello_of(const std::string& node) {
  return {1, 1, node, "one", "n1", "one", "test"};
}

/// A whole ClientHello, as it crosses the network.
std::string client_hello() {
  asio::ssl::context context{asio::ssl::context::tls_client};
  const std::unique_ptr<SSL, void (*)(SSL*)> tls{SSL_new(context.native_handle()),
                                                 [](SSL* one) { SSL_free(one); }};
  SSL_set_bio(tls.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(tls.get());
  (void)SSL_do_handshake(tls.get());
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(SSL_get_wbio(tls.get()), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::int64_t resident() {
  std::ifstream in{"/proc/self/statm"};
  std::int64_t whole = 0;
  std::int64_t pages = 0;
  in >> whole >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

} // namespace

TEST_CASE("link: nodes ask each other over links that they dial when they need them") {
  linked_node n1{"n1"};
  linked_node n2{"n2"};
  n1.directory->set({n2.info("n2")});
  n2.directory->set({n1.info("n1")});
  for (int round = 0; round < 3; ++round) {
    const auto said = n1.ask(n2.info("n2"), net::actors_wish{});
    REQUIRE_MESSAGE(std::holds_alternative<net::actors_page_answer>(said), failure_of(said));
    CHECK(std::get<net::actors_page_answer>(said).rows.at(0).name == "n2");
  }
  CHECK(n1.book->counted().dialed == 1); // one link for all
  const auto back = n2.ask(n1.info("n1"), net::actors_wish{});
  CHECK(std::get<net::actors_page_answer>(back).rows.at(0).name == "n1");
  CHECK(n2.book->counted().dialed == 1); // in the opposite direction
}

TEST_CASE(
  "link: an ask that is not answered fails after its time-out, an answer too long at once") {
  linked_node n1{"n1"};
  linked_node n2{"n2"};
  n2.directory->set({n1.info("n1")});
  CHECK(failure_of(n1.ask(n2.info("n2"), net::machines_wish{})).find("no answer within")
        != std::string::npos);
  CHECK(failure_of(n1.ask(n2.info("n2"), net::report_wish{"T1"})).find("cannot be sent")
        != std::string::npos);
  const auto said = n1.ask(n2.info("n2"), net::actors_wish{}); // the link goes on
  CHECK(std::holds_alternative<net::actors_page_answer>(said));
}

TEST_CASE("link: a node that ended, is another one, or another incarnation is not asked") {
  linked_node n1{"n1"};
  linked_node n2{"n2"};
  n2.directory->set({n1.info("n1")});
  auto nobody = n2.info("n2");
  nobody.link = "127.0.0.1:1";
  CHECK_FALSE(failure_of(n1.ask(nobody, net::actors_wish{})).empty());
  auto renamed = n2.info("n3"); // its certificate names n2
  CHECK(failure_of(n1.ask(renamed, net::actors_wish{})).find("does not name node n3")
        != std::string::npos);
  auto later = n2.info("n2");
  later.incarnation = "two";
  CHECK_FALSE(failure_of(n1.ask(later, net::actors_wish{})).empty());
  CHECK(eventually(5s, [&] { return n2.refused(link_refusal::wrong_address) == 1; }));
}

TEST_CASE("link: a peer that says nothing, or other than TLS, is closed by its deadline") {
  linked_node n1{"n1"};
  hostile_peer silent{n1};
  const auto took = silent.wait_for_end();
  CHECK(took >= 400ms);
  CHECK(took < 3s);
  CHECK(eventually(5s, [&] { return n1.refused(link_refusal::silent) == 1; }));
  hostile_peer huge{n1};
  huge.send("\xFF\xFF\xFF\xFF");
  (void)huge.wait_for_end();
  std::mt19937 random{5};
  hostile_peer noise{n1};
  std::string bytes(4'096, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random());
  bytes[0] = 'x';
  noise.send(bytes);
  (void)noise.wait_for_end();
  CHECK(eventually(5s, [&] { return n1.refused(link_refusal::not_tls) == 2; }));
  hostile_peer slow{n1}; // the beginning of a ClientHello, and no more
  slow.send(std::string{"\x16\x03\x01\x02\x00\x01", 6});
  CHECK(slow.wait_for_end() < 3s);
  CHECK(eventually(5s, [&] { return n1.refused(link_refusal::silent) == 2; }));
}

TEST_CASE(
  "link: only a certificate of the cluster, for both sides and of the stated node, gets in") {
  linked_node n1{"n1"};
  n1.directory->set({{"n2", "one", "127.0.0.1:1", true}, {"n4", "one", "127.0.0.1:1", false}});
  const cluster_authority gateways; // its certificates are of gateways
  const auto expect = [&](link_refusal why, const std::function<void(hostile_peer&)>& act) {
    CAPTURE(to_string(why));
    const auto before = n1.refused(why);
    hostile_peer peer{n1};
    act(peer);
    CHECK(peer.wait_for_end() < 3s);
    CHECK(eventually(5s, [&] { return n1.refused(why) == before + 1; }));
  };
  const auto with = [](const std::optional<node_certificate>& own) {
    return [own](hostile_peer& peer) { (void)peer.shake_hands(own); };
  };
  expect(link_refusal::no_certificate, with(std::nullopt));
  expect(link_refusal::unknown_authority, with(gateways.issue("n2")));
  expect(link_refusal::certificate_expired, with(authority().issue("n2", "clientAuth", -1)));
  expect(link_refusal::wrong_purpose, with(authority().issue("n2", "serverAuth")));
  const auto saying = [](const node_certificate& own, const net::message& what) {
    return [own, what](hostile_peer& peer) {
      REQUIRE(peer.shake_hands(own));
      peer.say(what);
    };
  };
  const auto n2 = authority().issue("n2");
  expect(link_refusal::wrong_purpose,
         saying(authority().issue("n2", "clientAuth"), hello_of("n2")));
  expect(link_refusal::wrong_purpose, saying(authority().issue("n2", ""), hello_of("n2")));
  expect(link_refusal::wrong_name, saying(n2, hello_of("n3")));
  expect(link_refusal::unknown_node, saying(authority().issue("n3"), hello_of("n3")));
  expect(link_refusal::unknown_node, saying(authority().issue("n4"), hello_of("n4")));
  auto stale = hello_of("n2");
  stale.incarnation = "zero";
  expect(link_refusal::unknown_node, saying(n2, stale));
  auto elsewhere = hello_of("n2");
  elsewhere.whom = "n9";
  expect(link_refusal::wrong_address, saying(n2, elsewhere));
  auto newer = hello_of("n2");
  newer.lowest_version = 7;
  newer.highest_version = 9;
  expect(link_refusal::version, saying(n2, newer));
  expect(link_refusal::malformed, saying(n2, proto::ping{1}));
  const auto raw = [&n2](const std::string& bytes) {
    return [&n2, bytes](hostile_peer& peer) {
      REQUIRE(peer.shake_hands(n2));
      peer.send_tls(bytes);
    };
  };
  expect(link_refusal::limit, raw("\xFF\xFF\xFF\xFF"));
  expect(link_refusal::malformed, raw(std::string{"\0\0\0\x03xyz", 7}));
  expect(link_refusal::silent, raw("")); // a certificate, and then nothing
}

TEST_CASE(
  "link: a peer that was let in and falls silent is closed, and so is one that breaks the rules") {
  auto limits = linked_node::quick();
  limits.silence = 700ms;
  linked_node n1{"n1", limits};
  n1.directory->set({{"n2", "one", "127.0.0.1:1", true}});
  const auto n2 = authority().issue("n2");
  hostile_peer quiet{n1};
  REQUIRE(quiet.shake_hands(n2));
  quiet.say(hello_of("n2"));
  CHECK(quiet.wait_for_end() < 5s);
  CHECK(eventually(5s, [&] { return n1.refused(link_refusal::silent) == 1; }));
  hostile_peer rude{n1};
  REQUIRE(rude.shake_hands(n2));
  rude.say(hello_of("n2"));
  rude.say(net::answer{1, net::failed_answer{"nobody asked"}});
  (void)rude.wait_for_end();
  CHECK(eventually(5s, [&] { return n1.refused(link_refusal::malformed) == 1; }));
}

TEST_CASE(
  "link: a crowd of strangers costs less than 64 KiB each, and more of them are turned away") {
  auto limits = linked_node::quick();
  limits.handshake = 10s;
  linked_node n1{"n1", limits};
  const auto before = resident();
  asio::io_context io;
  std::vector<tcp::socket> crowd;
  for (std::size_t i = 0; i < limits.strangers_max; ++i) {
    crowd.emplace_back(io);
    crowd.back().connect(n1.at);
    asio::write(crowd.back(), asio::buffer(std::string{"\x16\x03\x01\x02\x00\x01", 6}));
  }
  CHECK(eventually(5s, [&] { return n1.book->counted().accepted == limits.strangers_max; }));
  hostile_peer more{n1};
  (void)more.wait_for_end();
  CHECK(n1.refused(link_refusal::full) == 1);
  const auto each = (resident() - before) / static_cast<std::int64_t>(limits.strangers_max);
  MESSAGE("bytes a stranger: " << each);
  CHECK(each < 65'536);
}

TEST_CASE("link: a crowd of strangers in the middle of TLS costs less than 64 KiB each") {
  auto limits = linked_node::quick();
  limits.handshake = 10s;
  linked_node n1{"n1", limits};
  hostile_peer first{n1}; // what OpenSSL makes once
  (void)first.shake_hands(std::nullopt);
  (void)first.wait_for_end();
  const auto hello = client_hello();
  REQUIRE(hello.size() > 100);
  const auto before = resident();
  asio::io_context io;
  std::vector<tcp::socket> crowd;
  for (std::size_t i = 0; i < limits.strangers_max; ++i) {
    crowd.emplace_back(io);
    crowd.back().connect(n1.at);
    asio::write(crowd.back(), asio::buffer(hello));
  }
  for (auto& one : crowd) { // each has the answer of TLS
    std::array<char, 5> head{};
    asio::read(one, asio::buffer(head));
    CHECK(head[0] == 0x16);
  }
  const auto each = (resident() - before) / static_cast<std::int64_t>(limits.strangers_max);
  MESSAGE("bytes a stranger with a whole ClientHello: " << each);
  CHECK(each < 65'536);
}

TEST_CASE("link: a hostile peer costs little CPU, whatever it sends") {
  linked_node n1{"n1"};
  const cluster_authority gateways; // its certificates are of gateways
  const auto stranger = gateways.issue("n2");
  const auto one_side = authority().issue("n2", "clientAuth");
  std::mt19937 random{7};
  std::string noise(4'096, '\0');
  for (auto& byte : noise)
    byte = static_cast<char>(random());
  noise[0] = 'x';
  const auto hello = client_hello();
  struct act {
    std::string name;
    std::function<void(hostile_peer&)> does;
  };
  const std::vector<act> acts{
    {"silent", [](hostile_peer&) {}},
    {"slow",
     [](hostile_peer& peer) {
       peer.send(std::string{"\x16\x03\x01\x02\x00\x01", 6});
     }},
    {"a header of 4 GiB", [](hostile_peer& peer) { peer.send("\xFF\xFF\xFF\xFF"); }},
    {"random bytes", [&](hostile_peer& peer) { peer.send(noise); }},
    {"a ClientHello and no more", [&](hostile_peer& peer) { peer.send(hello); }},
    {"no certificate", [](hostile_peer& peer) { (void)peer.shake_hands(std::nullopt); }},
    {"another authority", [&](hostile_peer& peer) { (void)peer.shake_hands(stranger); }},
    {"a certificate of a gateway",
     [&](hostile_peer& peer) {
       REQUIRE(peer.shake_hands(one_side));
       peer.say(hello_of("n2"));
     }},
  };
  constexpr int peers = 20;
  // What else the machine does only adds to it.
  constexpr int rounds = 3;
#ifdef NDEBUG
  constexpr auto limit =
    3ms; // the mark of a quiet machine is 1 ms: a handshake of TLS is most of it
#else
  constexpr auto limit = 10ms;
#endif
  for (const auto& one : acts) {
    CAPTURE(one.name);
    auto least = std::chrono::microseconds::max();
    for (int round = 0; round < rounds; ++round) {
      const auto before = n1.cpu();
      std::vector<std::unique_ptr<hostile_peer>> all;
      for (int i = 0; i < peers; ++i) {
        all.push_back(std::make_unique<hostile_peer>(n1));
        one.does(*all.back());
      }
      for (const auto& peer : all)
        CHECK(peer->wait_for_end() < 5s);
      least = std::min(least, (n1.cpu() - before) / peers);
    }
    MESSAGE(one.name << ": " << least.count() << " us of CPU each");
    CHECK(least < limit);
  }
}

TEST_CASE(
  "link tls: a certificate or authority that does not fit is one line that says what to do") {
  const auto fault = [](const link_files& files, const std::string& gateways = {}) {
    const auto made = make_link_tls(files, "n1", gateways);
    return made ? std::string{} : made.error().detail;
  };
  const auto ca = authority().cert();
  const auto own = authority().issue("n1");
  CHECK(fault({ca, own.cert, own.key}).empty());
  const auto other = authority().issue("n2");
  CHECK(fault({ca, other.cert, other.key}).find("does not name this node") != std::string::npos);
  CHECK(fault({ca, own.cert, other.key}).starts_with("--link-key " + other.key));
  const auto one_side = authority().issue("n1", "serverAuth");
  CHECK(fault({ca, one_side.cert, one_side.key}).find("serverAuth and clientAuth")
        != std::string::npos);
  CHECK(fault({ca, own.cert, own.key}, ca).find("--tls-client-ca") != std::string::npos);
  CHECK(fault({"/nothing", own.cert, own.key}).find("--link-ca /nothing: No such file")
        != std::string::npos);
}
