/// All links of a node: accepts other nodes on --link, and dials them when a peer actor asks.
///
/// Shape: who needs dials, so two nodes may have two links, one in each direction. An ask goes over the link to that
///   incarnation; without one it dials first.
/// Errors: `open` and `start` return an address that cannot be used. A refused link is one line in the log and a counter.
/// Threads: `ask` and `stop` from any thread; everything else on the io_context's one thread.
/// Limits: link_limits; 20 lines of the log about refused links at once, then one a second.
#pragma once

#include "actors/cluster/link_port.hpp"
#include "tools/furrowd/link/accepted_link.hpp"
#include "tools/furrowd/link/dialed_link.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace furrow::daemon {

class link_hub final : public actors::link_port, public std::enable_shared_from_this<link_hub> {
public:
  struct settings {
    boost::asio::ip::tcp::endpoint address;
    link_identity own;
    link_tls tls;
    std::shared_ptr<actors::peer_directory> directory;
    std::shared_ptr<link_book> book;
    link_limits limits{};
  };

  link_hub(boost::asio::io_context& io, settings given);

  /// Binds and listens; returns the bound address.
  [[nodiscard]] result<boost::asio::ip::tcp::endpoint> open();
  /// Begins to accept and to dial; the view outlives the last link.
  void start(actors::peer_nodes& view);
  void ask(const actors::peer_info& whom, proto::link::wish what, handler done) override;
  /// The certificates of new links, from any thread. Open links keep theirs.
  void use(link_tls tls);
  /// Ends every link; asks fail from now on. The io_context then runs out of work.
  void stop();

private:
  boost::asio::awaitable<void> accept();
  void admit(boost::asio::ip::tcp::socket socket);
  void ask_here(const actors::peer_info& whom, proto::link::wish what, handler done);
  std::shared_ptr<dialed_link> link_to(const actors::peer_info& whom);
  void tell(const std::string& who, const link_fault& why);
  /// The same fault of one node is told once.
  void tell_of_dialed(const actors::peer_info& whom, const link_fault& why);
  void close_all();

  boost::asio::io_context& io_;
  const settings config_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<accepted_link::context> context_;
  std::map<std::uint64_t, std::shared_ptr<accepted_link>> accepted_;
  std::map<std::string, std::shared_ptr<dialed_link>> dialed_; // by node
  std::map<std::string, link_refusal> told_; // of dialed nodes, until a link opens
  std::uint64_t last_ = 0;
  std::mutex mutex_; // guards stopped_
  bool stopped_ = false;
};

} // namespace furrow::daemon
