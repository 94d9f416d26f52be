/// Carries out what uplink_protocol decides: owns the sockets and timers.
///
/// Threads: one io_context, one thread; a caller that adds items posts `items_added` there.
/// Limits: between the store and the socket at most queued_bytes_max and one batch more.
#pragma once

#include "tools/furrow-edge/uplink/connection.hpp"
#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>

namespace furrow::edge {

class uplink {
public:
  static constexpr std::size_t queued_bytes_max = 1U << 20U;

  struct events {
    std::function<void(const uplink_action::note&)> note;
    std::function<void(const failure&)> stopped;
    std::function<void()> heard; // a message arrived: more items may be acked
    std::function<void(std::string& bytes)> before_sending; // for simulated faults
  };

  uplink(boost::asio::io_context& io,
         uplink_config config,
         item_store& store,
         tls_context tls,
         events on);
  ~uplink();
  uplink(const uplink&) = delete;
  uplink& operator=(const uplink&) = delete;

  void start();
  /// Called when there may be more to send.
  void items_added();
  /// What was added, or is added next, does not wait for the pace.
  void hurry() { protocol_.hurry(); }
  /// Cuts the connection like a broken line; the uplink connects again.
  void cut();
  void close();
  /// From the next connection on.
  void use(tls_context tls, std::string token);

  [[nodiscard]] const uplink_protocol& protocol() const { return protocol_; }

private:
  void act();
  void act(uplink_action::connect& what);
  void fill();
  void schedule();

  boost::asio::io_context& io_;
  uplink_protocol protocol_;
  tls_context tls_;
  events on_;
  boost::asio::steady_timer timer_;
  std::optional<uplink_protocol::time_point> timer_at_;
  std::shared_ptr<connection> connection_;
  bool filling_ = false;
  bool closed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace furrow::edge
