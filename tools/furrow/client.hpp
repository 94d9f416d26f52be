/// Asks a node over HTTP or HTTPS.
///
/// Errors: cannot_connect before there is a connection; timed_out when the node is silent for too
///   long; not_found and failed as the node says it, in its words.
/// Threads: one call at a time; a call returns when it is done.
/// Limits: an answer that is taken whole has at most 256 MiB; `timeout` is the longest silence.
#pragma once

#include "tools/furrow/globals.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace furrow::cli {

using json = nlohmann::ordered_json;

/// A part of a target with everything but letters, digits and -._~ encoded.
[[nodiscard]] std::string encoded(std::string_view text);

class node_client {
public:
  [[nodiscard]] static result<node_client> from(const globals& globals);

  /// An answer in JSON. A status that is not 2xx is an error, but for those in `also`.
  [[nodiscard]] result<json> get(const std::string& target, int also = 0) const;
  [[nodiscard]] result<json> post(const std::string& target) const;
  /// Any other method, with a body in JSON.
  [[nodiscard]] result<json>
  send(const char* method, const std::string& target, const json& body) const;

  /// Hands the body over as it comes; the sink says whether it wants more.
  using sink = std::function<bool(std::string_view)>;
  [[nodiscard]] result<done> stream(const std::string& target, const sink& sink) const;

  void wait_longer(std::chrono::milliseconds timeout) { timeout_ = timeout; }

private:
  friend class exchange;
  struct address {
    bool tls = false;
    std::string host;
    std::string port;
    std::string path; // before every target, without a slash at its end
  };
  [[nodiscard]] static result<address> parse(const std::string& url);
  [[nodiscard]] result<json>
  call(const char* method, const std::string& target, int also, const std::string& body = {}) const;

  std::string url_;
  address address_;
  std::string token_;
  std::string authorities_;
  std::chrono::milliseconds timeout_{};
};

} // namespace furrow::cli
