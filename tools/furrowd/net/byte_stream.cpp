#include "tools/furrowd/net/byte_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace furrow::daemon {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;

template <class Stream>
class stream_of final : public byte_stream {
public:
  template <class... Args>
  explicit stream_of(Args&&... args) : stream_{std::forward<Args>(args)...} {}

  asio::awaitable<void> handshake() override {
    if constexpr (std::is_same_v<Stream, tls_stream>)
      co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    co_return;
  }
  asio::awaitable<void> read(std::span<std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const auto held = std::min(bytes.size(), end_ - begin_);
      std::memcpy(bytes.data(), ahead_.data() + begin_, held);
      begin_ += held;
      bytes = bytes.subspan(held);
      if (bytes.size() >= ahead_.size()) {
        co_await asio::async_read(stream_, asio::buffer(bytes.data(), bytes.size()),
                                  asio::use_awaitable);
        co_return;
      }
      if (!bytes.empty()) {
        begin_ = 0;
        end_ = 0; // also when the read below throws
        end_ = co_await stream_.async_read_some(asio::buffer(ahead_), asio::use_awaitable);
      }
    }
  }
  asio::awaitable<std::size_t> read_some(std::span<std::uint8_t> bytes) override {
    if (begin_ == end_)
      co_return co_await stream_.async_read_some(asio::buffer(bytes.data(), bytes.size()),
                                                 asio::use_awaitable);
    const auto held = std::min(bytes.size(), end_ - begin_);
    std::memcpy(bytes.data(), ahead_.data() + begin_, held);
    begin_ += held;
    co_return held;
  }
  asio::awaitable<void> end_tls() override {
    if constexpr (std::is_same_v<Stream, tls_stream>)
      co_await stream_.async_shutdown(asio::use_awaitable);
    co_return;
  }
  asio::awaitable<void> write(std::string_view bytes) override {
    co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()),
                               asio::use_awaitable);
  }
  void end_writing() override {
    boost::system::error_code ignored; // a closed socket has ended already
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_send, ignored);
  }
  void cancel_read() override {
    boost::system::error_code ignored; // a closed socket has nothing to stop
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_receive, ignored);
  }
  void close() override {
    boost::system::error_code ignored; // the socket is closed afterwards in any case
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.lowest_layer().close(ignored);
  }

private:
  Stream stream_;
  // One read fetches the length, a small message and the beginning of the next one.
  std::array<std::uint8_t, byte_stream::ahead_max> ahead_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

} // namespace

std::unique_ptr<byte_stream> make_byte_stream(tcp::socket socket, const tls_context& tls) {
  if (tls)
    return std::make_unique<stream_of<tls_stream>>(std::move(socket), *tls);
  return std::make_unique<stream_of<tcp::socket>>(std::move(socket));
}

} // namespace furrow::daemon
