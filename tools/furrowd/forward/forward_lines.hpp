/// The lines of a site to head office: an uplink for each stream, as a gateway has one for its spool.
///
/// Shape: the token's file is read for every new line, so that another token needs no restart.
/// Errors: `open` of a wrong TLS file fails at start; a token that cannot be read stops its line, which is tried again.
/// Threads: one of its own, with a lower priority, for all lines; `stop` joins it.
#pragma once

#include "actors/forward/forward_line.hpp"
#include "tools/furrow-edge/uplink/connection.hpp"
#include "tools/furrowd/forward/byte_rate.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace furrow::daemon {

struct forward_settings {
  std::vector<std::string> nodes; // of head office, HOST:PORT
  std::string token_file;
  bool use_tls = false; // with the system's authorities; implied by the files
  edge::tls_files tls;
  std::uint64_t bytes_a_second = 0; // of all lines together; 0: no limit

  [[nodiscard]] bool with_tls() const { return use_tls || !tls.ca.empty() || !tls.cert.empty(); }
};

class forward_lines final : public actors::forward_port {
public:
  [[nodiscard]] static edge::result<std::shared_ptr<forward_lines>> make(forward_settings settings,
                                                                         std::string software);
  forward_lines(forward_settings settings, edge::tls_context tls, std::string software);
  forward_lines(const forward_lines&) = delete;
  forward_lines& operator=(const forward_lines&) = delete;
  ~forward_lines() override;

  [[nodiscard]] std::string target() const override;
  [[nodiscard]] std::unique_ptr<actors::forward_line> open(storage::forward_head head,
                                                           listener told) override;
  void stop() override;

private:
  class line;
  class handle;

  const forward_settings settings_;
  const edge::tls_context tls_;
  const std::string software_;
  boost::asio::io_context io_{1};
  byte_rate rate_; // on the thread of the lines
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> held_;
  std::thread thread_; // last: it uses all the others
};

} // namespace furrow::daemon
