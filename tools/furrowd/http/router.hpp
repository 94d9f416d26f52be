/// Which handler answers which method and path.
///
/// Shape: a pattern is a path whose segments in braces match anything: "/api/v1/equipment/{name}". Of several patterns
///   that match a path, the one with the fewest braces counts. There are few routes, so they are tried in order.
/// Shape of `farm`: a token of the node, or of several farms, names the farm that it asks about; the front checks the name against the token.
/// Errors: a `problem`: 400 for an invalid target or parameter, 404, 405 with the allowed methods.
/// Threads: filled before the server starts, then only read.
#pragma once

#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/http/message.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace furrow::http {

/// A request as a handler gets it: checked, parsed, and with the caller's rights.
struct call {
  std::map<std::string, std::string, std::less<>> path;  // values by the name in braces
  std::map<std::string, std::string, std::less<>> query; // only parameters that the route knows
  daemon::credential who;
  std::optional<std::string> farm;  // the parameter that every protected route knows
  bool head = false;                // HEAD: only the header is wanted
  std::string body = {};            // as received
  std::string idempotency_key = {}; // empty: none
  stream_offer offer = {};
  std::string from = {}; // the address of the client
  bool secure = false;   // over TLS
  std::string if_none_match = {};
  bool takes_gzip = false;
  std::shared_ptr<void> share = {}; // of the requests that its token has in progress
};

using handler = std::function<boost::asio::awaitable<response>(call)>;

struct route {
  std::string method; // GET serves HEAD too
  std::string pattern;
  std::optional<daemon::permission> needs; // nothing: open to everyone
  std::vector<std::string> parameters;     // of the query
  handler run;
  bool takes_turn = true; // waits for its turn: false where the database is not asked
  std::string noted_as =
    {}; // a success is noted in the audit log so; empty: it changes nothing, or its handler notes it
  std::uint64_t body_bytes_max = 0; // 0: as the server's
  bool of_one_farm =
    true; // false: without the parameter farm, the answer is about all farms of the caller
  /// While the cache is on it finds almost always in memory what it needs, so it does not wait for its turn behind those
  /// that wait for the database.
  bool at_hand = false;
  bool lasts = false; // as long as its client stays; it counts its clients itself
  std::function<std::string()> noted_before =
    {}; // with `noted_as`: what the audit log says was there before, a JSON object
};

struct route_match {
  const route* found = nullptr;
  call made; // `who` is not set yet
};

class router {
public:
  void add(route route);
  [[nodiscard]] std::variant<route_match, problem> find(const request& request) const;
  [[nodiscard]] const std::vector<route>& routes() const { return routes_; }
  /// The largest body that any route takes; `usual`: what most take.
  [[nodiscard]] std::uint64_t body_bytes_max(std::uint64_t usual) const;

private:
  std::vector<route> routes_;
};

} // namespace furrow::http
