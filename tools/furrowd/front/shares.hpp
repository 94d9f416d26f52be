/// What one client may take of the HTTP server: connections by its address, requests in progress by its token.
///
/// Threads: any. A share is given back on the thread that drops it.
/// Limits: `limit` requests of one token; at most one entry for each request in progress.
#pragma once

#include "tools/furrowd/access/credential.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/ip/address.hpp>

namespace furrow::http {

/// Whose share of the connections a client takes: a host with IPv6 chooses its address from a network of 64 bits.
[[nodiscard]] std::string share_of(const boost::asio::ip::address& address);

using share = std::shared_ptr<void>; // gives itself back at the end of its life

class token_requests : public std::enable_shared_from_this<token_requests> {
public:
  explicit token_requests(std::size_t limit) : limit_{limit} {}

  /// For a token, or a person's session; nullptr: it has as many requests in progress as it may. Who needs no token has
  /// no limit here.
  [[nodiscard]] share take(const daemon::credential& who);
  void limit(std::size_t limit);

private:
  void give(const daemon::secret_hash& token);

  std::mutex mutex_;
  std::size_t limit_;
  std::map<daemon::secret_hash, std::size_t> used_;
};

} // namespace furrow::http
