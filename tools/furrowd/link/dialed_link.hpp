/// A link that this node has dialed to one incarnation of another node: sends asks and matches their answers.
///
/// Errors: an ask that cannot be sent, is not answered within link_limits::ask, or whose link ends, gets a failed_answer
///   with the reason. The link then ends or goes on; the next ask dials again.
/// Threads: the io_context's one thread.
/// Limits: link_limits::asks_max asks at once.
#pragma once

#include "actors/cluster/link_port.hpp"
#include "tools/furrowd/link/accepted_link.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

namespace furrow::daemon {

class dialed_link final : public link_channel, public std::enable_shared_from_this<dialed_link> {
public:
  using handler = actors::link_port::handler;
  using farewell = std::function<void(const std::optional<link_fault>& why)>;

  dialed_link(socket_type socket,
              const link_limits& limits,
              std::shared_ptr<const accepted_link::context> context,
              actors::peer_info peer,
              std::function<void()> on_open,
              farewell on_end);

  void start();
  void ask(proto::link::wish what, handler done);
  [[nodiscard]] const actors::peer_info& peer() const { return peer_; }
  using link_channel::is_closed;

private:
  struct waiting {
    handler done;
    clock::time_point until;
  };

  std::shared_ptr<link_channel> self() override { return shared_from_this(); }
  void ended(const std::optional<link_fault>& why) override;
  void tick(clock::time_point now) override;

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> connect();
  boost::asio::awaitable<bool> greet();
  void take(proto::link::answer said);
  void fail(std::uint64_t id, const std::string& why);

  std::shared_ptr<const accepted_link::context> context_;
  actors::peer_info peer_;
  std::function<void()> opened_;
  farewell ended_;
  boost::asio::ip::tcp::resolver resolver_;
  std::map<std::uint64_t, waiting> asked_;
  std::vector<proto::link::ask> early_; // until the link is open
  std::uint64_t last_ = 0;
  clock::time_point last_ask_ = clock::now();
  bool is_open_ = false;
  std::string cause_; // why it could not be opened
};

} // namespace furrow::daemon
