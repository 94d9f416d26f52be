/// HTTP and HTTPS client for a node.
///
/// Errors: `cannot_connect` if there was no connection; `timed_out` if the node was silent for `timeout`; `not_found`
///   and `failed` with the node's own message.
/// Threads: one call at a time; a call blocks until it is done.
/// Limits: an answer that is read as a whole has at most 256 MiB; `timeout` is the longest silence.
#pragma once

#include "tools/furrow/globals.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

namespace furrow::cli {

using json = nlohmann::ordered_json;

/// Encodes everything except letters, digits and -._~ for use in a target.
[[nodiscard]] std::string encoded(std::string_view text);

/// Why no connection to HOST:PORT could be opened within the limit; empty: one was opened, and closed again.
[[nodiscard]] std::string connect_fault(const std::string& address,
                                        std::chrono::milliseconds limit);

/// A token for every farm that names no farm asks about the farm `default`. An error says so; a success prints it once,
/// in one line on standard error.
class node_client {
public:
  [[nodiscard]] static result<node_client> from(const globals& globals);
  /// Why this is not the URL of a node; empty: it is.
  [[nodiscard]] static std::string address_fault(const std::string& url);

  /// Returns an answer in JSON. A status other than 2xx is an error, except the status `also`.
  [[nodiscard]] result<json> get(const std::string& target, int also = 0) const;
  [[nodiscard]] result<json> post(const std::string& target) const;
  /// Sends any other method, with a body in JSON.
  [[nodiscard]] result<json>
  send(const char* method, const std::string& target, const json& body) const;

  /// Passes the body on as it arrives. The sink returns false when it wants no more.
  using sink = std::function<bool(std::string_view)>;
  [[nodiscard]] result<done> stream(const std::string& target, const sink& sink) const;

  void wait_longer(std::chrono::milliseconds timeout) { timeout_ = timeout; }
  /// A stream ends in good order, within a moment, when this is true.
  void stop_when(std::function<bool()> stop) { stop_ = std::move(stop); }

private:
  friend class exchange;
  struct address {
    bool tls = false;
    std::string host;
    std::string port;
    std::string path; // prefix of every target, without a slash at its end
  };
  [[nodiscard]] static result<address> parse(const std::string& url);
  [[nodiscard]] result<json>
  call(const char* method, const std::string& target, int also, const std::string& body = {}) const;

  std::string url_;
  address address_;
  std::string token_;
  std::string authorities_;
  std::string farm_; // empty: the token's own
  std::chrono::milliseconds timeout_{};
  std::function<bool()> stop_;
};

} // namespace furrow::cli
