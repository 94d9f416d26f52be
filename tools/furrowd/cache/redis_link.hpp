/// One connection to a Redis server, for answers that may be missing.
///
/// Shape: commands wait in a queue and run one at a time. A command ends within `command_limit` of its turn, with or
///   without an answer. After a failure the link pauses (250 ms, doubling to 10 s); during the pause every command
///   fails at once.
/// Errors: any failure (unreachable, slow, no Redis server, an error reply) is an absent answer. The log gets one line
///   when Redis is lost.
/// Threads: any; the connection runs on a strand of the io_context. Handlers are called on that strand.
/// Limits: queue_max waiting commands; one more fails at once. Replies: redis_reply.hpp.
#pragma once

#include "can/result.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

namespace furrow::http {

struct redis_settings {
  std::string host;
  std::uint16_t port = 6379;
  std::string password; // empty: none
  std::uint16_t database = 0;
  std::chrono::milliseconds command_limit{50};
  std::chrono::milliseconds connect_limit{500};
  std::chrono::milliseconds pause_first{250};
  std::chrono::milliseconds pause_max{10'000};
};

enum class redis_errc : std::uint8_t { none = 0, bad_url = 1 };

/// redis://[:PASSWORD@]HOST[:PORT][/DATABASE]
[[nodiscard]] result<redis_settings, redis_errc> parse_redis_url(const std::string& url);

struct redis_counters {
  std::atomic<std::uint64_t> failures{0}; // connections that could not be opened, or broke
  std::atomic<std::uint64_t> refused{0};  // commands that failed at once
  std::atomic<bool> up{false};
};

class redis_link {
public:
  using handler = std::function<void(std::optional<std::string>)>;
  static constexpr std::size_t queue_max = 64;

  redis_link(boost::asio::io_context& io, redis_settings settings);
  ~redis_link();
  redis_link(const redis_link&) = delete;
  redis_link& operator=(const redis_link&) = delete;

  /// Passes nothing when the key is absent or Redis does not answer.
  void get(const std::string& key, handler done);
  void set(const std::string& key, const std::string& text, std::chrono::milliseconds ttl);
  void remove(const std::string& key);
  /// Closes the connection; waiting commands fail. The io_context may then run out of work.
  void stop();

  [[nodiscard]] const redis_counters& counters() const;

private:
  class session;
  std::shared_ptr<session> session_;
};

} // namespace furrow::http
