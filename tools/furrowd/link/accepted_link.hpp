/// A link that another node has dialed: checks who it is, then answers its asks.
///
/// Errors: who is not let in is told why once the certificate was accepted; before that the connection just ends.
/// Threads: the io_context's one thread; answers are posted to it.
/// Limits: link_limits; a further ask is answered with a failure at once.
#pragma once

#include "actors/cluster/peer_nodes.hpp"
#include "tools/furrowd/link/link_channel.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::daemon {

/// This node, as it says it to others.
struct link_identity {
  std::string node;
  std::string incarnation;
  std::string build;
};

class accepted_link final : public link_channel,
                            public std::enable_shared_from_this<accepted_link> {
public:
  struct context {
    link_identity own;
    link_tls tls;
    std::shared_ptr<actors::peer_directory> directory;
    actors::peer_nodes* view = nullptr; // outlives the link
  };
  /// The node behind the link, empty while it is not known, and why it ended.
  using farewell =
    std::function<void(const std::string& node, const std::optional<link_fault>& why)>;

  accepted_link(socket_type socket,
                const link_limits& limits,
                std::shared_ptr<const context> shared,
                farewell on_end);

  void start();
  [[nodiscard]] bool is_stranger() const { return peer_.empty(); }

private:
  std::shared_ptr<link_channel> self() override { return shared_from_this(); }
  void ended(const std::optional<link_fault>& why) override;
  void tick(clock::time_point now) override;

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> greet();
  /// Why this node does not let in who says that; nothing when it does.
  [[nodiscard]] std::optional<link_fault> hello_fault(const proto::link::hello& hello);
  void answer(const proto::link::ask& asked);
  void deliver(std::uint64_t id, proto::link::reply said);

  std::shared_ptr<const context> context_;
  farewell ended_;
  std::string peer_;
  std::size_t in_work_ = 0;
  clock::time_point last_ask_ = clock::now();
};

} // namespace furrow::daemon
