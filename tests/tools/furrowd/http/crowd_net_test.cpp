/// A thousand clients at once, on every route that reads.
#include "storage/dbc/dbc_files.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"
#include "tools/console/embedded.hpp"
#include "tools/furrowd/api/api.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <fstream>
#include <future>
#include <memory>

using namespace furrow;
using namespace furrow::tests;

namespace {

constexpr std::size_t clients_count = 1'000;
const std::string field = R"({"name":"T1","boundary":{"type":"Polygon","coordinates":)"
                          R"([[[8.4,49],[8.402,49],[8.402,49.0015],[8.4,49.0015],[8.4,49]]]}})";

const std::string crowd_dbc = "BO_ 256 TANK: 8 X\n SG_ level : 0|8@1+ (1,0) [0|255] \"l\" X\n";

/// Both ends of each connection are in this process.
void allow_files(rlim_t count) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur >= count)
    return;
  limit.rlim_cur = std::min(count, limit.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_cur >= count);
}

std::size_t resident_now() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * 4'096;
}

struct crowd_world : stored_world {
  crowd_world() {
    add_user();
    add_token();
    add_dbc();
    node.database.record_rows = {{1, 1, 7, can::record_values(9)}};
    node.database.quarantined = {
      {"default", "T1", {3, 17}, 5, can::record_kind_yield, "bad", 2, ""}};
    node.database.telemetry = {{1'000'000, "idle", {}}};
    node.database.rollups = {{60'000'000, 3, 1, 2, 1.5, 2}};
    REQUIRE(ask("POST", "/api/v1/fields", field).status == 200);
    REQUIRE(ask("PATCH", "/api/v1/equipment/T1", "{}").status == 200);
  }
  /// Past the API: it makes an admin first, and then wants credentials from the whole crowd.
  void add_user() const {
    storage::user_row user;
    user.key = {"", "T1"};
    std::promise<bool> added;
    storage::identities_of(*store)->add_user(user, "", false, {"test"}, [&](const auto& outcome) {
      added.set_value(outcome && outcome->refused == storage::identity_refusal::none);
    });
    REQUIRE(added.get_future().get());
  }
  void add_token() const {
    storage::token_row token;
    token.key = {"", "T1"};
    token.role = "viewer";
    token.sha256 = std::string(64, 'a');
    std::promise<bool> added;
    storage::identities_of(*store)->add_token(token, {"test"}, [&](const auto& outcome) {
      added.set_value(outcome && outcome->refused == storage::identity_refusal::none);
    });
    REQUIRE(added.get_future().get());
  }
  /// With the id 1.
  void add_dbc() const {
    std::promise<bool> loaded;
    store->dbc()->load({"tank.dbc", "all", crowd_dbc}, {"test"},
                       [&](const auto& outcome) { loaded.set_value(outcome && outcome->id == 1); });
    REQUIRE(loaded.get_future().get());
  }
};

std::string target_of(const http::route& route) {
  static const auto console_part = [] {
    for (const auto& file : console::embedded_files())
      if (file.path.starts_with("/parts/"))
        return std::string{file.path};
    return std::string{};
  }();
  auto target = route.pattern;
  for (const auto& [part, value] :
       {std::pair{"/quarantine/{id}", "/quarantine/3:17"}, std::pair{"/dbc/{id}", "/dbc/1"},
        std::pair{"/actors/{id}", "/actors/1"}, std::pair{"/actors/{node}/{id}", "/actors/n1/1"},
        std::pair{"/nodes/{name}", "/nodes/n1"}, std::pair{"/map/{z}/{x}/{y}", "/map/0/0/0"},
        std::pair{"/parts/{name}", console_part.c_str()}, std::pair{"{name}", "T1"},
        std::pair{"{signal}", "EEC1.engine_speed"}})
    if (const auto at = target.find(part); at != std::string::npos)
      target.replace(at, std::string_view{part}.size(), value);
  std::string query;
  for (const auto& [name, value] :
       {std::pair{"equipment", "T1"}, std::pair{"kind", "yield"},
        std::pair{"signal", "EEC1.engine_speed"}, std::pair{"position", "8.4,49"},
        std::pair{"user", "T1"}, std::pair{"with", "1"}})
    if (std::count(route.parameters.begin(), route.parameters.end(), name) != 0
        && route.pattern != "/api/v1/equipment-records")
      query += (query.empty() ? "?" : "&") + std::string{name} + "=" + value;
  return target + query;
}

} // namespace

TEST_CASE("http crowd: a thousand clients at once get 200 from every route that reads") {
  allow_files(2 * clients_count + 200);
  crowd_world w;
  http::metrics metrics{"0"};
  boost::asio::io_context io;
  http::summary_cache cache{io, {std::chrono::milliseconds{0}}, {}};
  http::api api{{}, w.node.parts(), metrics, cache};
  const auto served = api.routes();
  std::vector<std::unique_ptr<raw_client>> clients;
  for (std::size_t i = 0; i < clients_count; ++i)
    clients.push_back(std::make_unique<raw_client>(w.front->at()));
  std::size_t routes = 0;
  std::size_t before = 0;
  std::size_t most = 0;
  for (const auto& route : served.routes()) {
    if (route.method != "GET" || route.pattern == "/api/v1/stream") // which has no end
      continue;
    const auto target = target_of(route);
    for (auto& client : clients)
      client->send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::size_t good = 0;
    for (auto& client : clients) {
      const auto answer = client->read();
      good += answer.status == 200 && answer.complete ? 1U : 0U;
    }
    CHECK_MESSAGE(good == clients_count, target);
    if (++routes == 1)
      before = most = resident_now();
    // The document is larger than all other answers and stays in the buffers of these clients.
    if (route.pattern != "/api/v1/openapi.json")
      most = std::max(most, resident_now());
  }
  CHECK(routes >= 20);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(most - before < (64U << 20U));
#endif
}
