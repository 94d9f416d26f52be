/// A node that is as simple as can be, over real sockets, and misbehaves as told: what the
/// gateway's tests talk to.
///
/// Shape: keeps every item in memory as durable the moment it comes. One thread accepts, one thread
///   a connection.
#pragma once

#include "can/frame/stream.hpp"
#include "proto/wire.hpp"

#include <condition_variable>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

namespace furrow::tests {

class scripted_node {
public:
  struct stream {
    std::uint64_t durable = 0;
    std::vector<can::run_mark> runs;
    std::vector<std::uint32_t> ids; // of the frames, in order; 0 for a record
    std::vector<can::bus_name> buses;
    std::uint64_t hellos = 0;
  };

  /// What to do besides its duty; each is looked at before every message.
  struct script {
    std::optional<proto::message> instead_of_welcome; // sent once
    std::uint64_t cut_every_batches = 0;
    std::size_t cut_after_bytes = 0; // on each connection, also within a message
    bool ack = true;
    std::string token; // asked for, when not empty
  };

  explicit scripted_node(boost::asio::ssl::context* tls = nullptr)
    : tls_{tls}, acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}}, accepting_{[this] {
        accept();
      }} {}

  ~scripted_node() { stop(); }

  void stop() {
    {
      const std::lock_guard lock{mutex_};
      if (stopping_)
        return;
      stopping_ = true;
      for (auto* socket : sockets_)
        ::shutdown(socket->native_handle(), SHUT_RDWR);
    }
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    accepting_.join();
    for (auto& thread : sessions_)
      thread.join();
  }

  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

  void change(const std::function<void(script&)>& how) {
    const std::lock_guard lock{mutex_};
    how(script_);
  }
  [[nodiscard]] std::map<can::stream_id, stream> streams() const {
    const std::lock_guard lock{mutex_};
    return streams_;
  }
  /// The node's memory, for another one to begin with.
  void restore(std::map<can::stream_id, stream> streams) {
    const std::lock_guard lock{mutex_};
    streams_ = std::move(streams);
  }
  /// Waits for the fact; false after 20 s.
  bool wait_for(const std::function<bool(const std::map<can::stream_id, stream>&)>& fact) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return fact(streams_); });
  }

private:
  using socket_type = boost::asio::ip::tcp::socket;

  void accept() {
    for (;;) {
      boost::system::error_code error;
      auto socket = acceptor_.accept(error);
      if (error)
        return;
      const std::lock_guard lock{mutex_};
      if (stopping_)
        return;
      sessions_.emplace_back([this, s = std::move(socket)]() mutable { serve(s); });
    }
  }

  void serve(socket_type& socket) {
    {
      const std::lock_guard lock{mutex_};
      sockets_.push_back(&socket);
    }
    try {
      if (tls_ == nullptr) {
        talk(socket);
      } else {
        boost::asio::ssl::stream<socket_type&> secure{socket, *tls_};
        secure.handshake(boost::asio::ssl::stream_base::server);
        talk(secure);
      }
    } catch (const std::exception&) {
      // The gateway went away or was cut: that is what these tests are about.
    }
    const std::lock_guard lock{mutex_};
    std::erase(sockets_, &socket);
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  template <class Stream>
  void say(Stream& to, const proto::message& what) {
    std::string bytes;
    if (!proto::encode(what, bytes))
      throw std::runtime_error{"the test says what cannot be said"};
    boost::asio::write(to, boost::asio::buffer(bytes));
  }

  template <class Stream>
  proto::message hear(Stream& from, std::size_t& carries) {
    std::array<std::uint8_t, proto::length_bytes> prefix{};
    boost::asio::read(from, boost::asio::buffer(prefix));
    const auto length = proto::decode_length(prefix, proto::message_bytes_max);
    if (!length)
      throw std::runtime_error{length.error().detail};
    std::vector<std::uint8_t> body(*length);
    boost::asio::read(from, boost::asio::buffer(body, carries));
    if (body.size() > carries)
      throw std::runtime_error{"cut"};
    carries -= body.size();
    auto message = proto::decode(body);
    if (!message)
      throw std::runtime_error{message.error().detail};
    return std::move(*message);
  }

  /// The answer to a hello; after a welcome the stream continues.
  proto::message greet(const proto::hello& hello) {
    const std::lock_guard lock{mutex_};
    if (!script_.token.empty() && script_.token != hello.token)
      return proto::reject{proto::reject_code::credentials, "wrong token", 0};
    if (auto answer = std::exchange(script_.instead_of_welcome, std::nullopt))
      return *answer;
    auto& known = streams_[hello.stream_id];
    ++known.hellos;
    if (const auto fork = can::fork_point(known.runs, hello.runs, known.durable))
      return proto::reject{proto::reject_code::forked, "a copy", *fork, known.durable};
    if (hello.first_seq > known.durable + 1)
      return proto::reject{proto::reject_code::gone,
                           "durable up to " + std::to_string(known.durable), 0};
    for (const auto& run : hello.runs)
      if (std::find(known.runs.begin(), known.runs.end(), run) == known.runs.end())
        known.runs.push_back(run);
    known.buses = hello.buses;
    return proto::welcome{1, 1, known.durable + 1, {}, 1'000};
  }

  template <class Stream>
  void talk(Stream& peer) {
    auto carries = [this] {
      const std::lock_guard lock{mutex_};
      return script_.cut_after_bytes != 0 ? script_.cut_after_bytes
                                          : std::numeric_limits<std::size_t>::max();
    }();
    const auto first = hear(peer, carries);
    const auto& hello = std::get<proto::hello>(first);
    const auto answer = greet(hello);
    changed_.notify_all();
    say(peer, answer);
    if (!std::holds_alternative<proto::welcome>(answer))
      return;
    for (std::uint64_t batches = 1;;) {
      const auto message = hear(peer, carries);
      if (const auto* ping = std::get_if<proto::ping>(&message)) {
        say(peer, proto::pong{ping->nonce});
        continue;
      }
      const auto* batch = std::get_if<proto::batch>(&message);
      if (batch == nullptr)
        continue;
      const auto durable = keep(hello.stream_id, *batch);
      changed_.notify_all();
      const auto now = [this] {
        const std::lock_guard lock{mutex_};
        return script_;
      }();
      if (now.cut_every_batches != 0 && batches++ % now.cut_every_batches == 0)
        return;
      if (now.ack)
        say(peer, proto::ack{durable});
    }
  }

  std::uint64_t keep(const can::stream_id& id, const proto::batch& batch) {
    const std::lock_guard lock{mutex_};
    auto& into = streams_[id];
    if (batch.first_seq > into.durable + 1)
      throw std::runtime_error{"a hole"};
    for (const auto& bus : batch.buses)
      if (std::find(into.buses.begin(), into.buses.end(), bus) == into.buses.end())
        into.buses.push_back(bus);
    auto seq = batch.first_seq;
    for (const auto& group : batch.items) {
      const auto* frames = std::get_if<can::frame_block>(&group);
      for (std::size_t i = 0; i < proto::item_count(group); ++i, ++seq) {
        if (seq <= into.durable)
          continue;
        into.ids.push_back(frames != nullptr ? frames->header(i).id() : 0);
        into.durable = seq;
      }
    }
    return into.durable;
  }

  boost::asio::io_context io_;
  boost::asio::ssl::context* tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  script script_;
  std::map<can::stream_id, stream> streams_;
  std::vector<socket_type*> sockets_;
  std::vector<std::thread> sessions_;
  bool stopping_ = false;
  std::thread accepting_; // last: the rest outlives it
};

} // namespace furrow::tests
