#include "tools/furrow-edge/uplink/connection.hpp"

#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

namespace furrow::edge {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t read_bytes = 16U << 10U;

/// Splits a stream of bytes into messages.
class message_splitter {
public:
  /// Returns the next whole message; nothing if more bytes are needed; a failure if the bytes are invalid.
  std::optional<proto::result<proto::message>> next() {
    const auto left = std::span{bytes_}.subspan(at_);
    if (left.size() < proto::length_bytes)
      return std::nullopt;
    const auto length =
      proto::decode_length(left.first<proto::length_bytes>(), connection::answer_bytes_max);
    if (!length)
      return proto::result<proto::message>{length.error()};
    if (left.size() - proto::length_bytes < *length)
      return std::nullopt;
    at_ += proto::length_bytes + *length;
    return proto::decode(left.subspan(proto::length_bytes, *length));
  }

  void add(std::span<const std::uint8_t> bytes) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

private:
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

/// `Stream` is tcp::socket or ssl::stream<tcp::socket>.
template <class Stream>
class connection_of final : public connection,
                            public std::enable_shared_from_this<connection_of<Stream>> {
public:
  connection_of(asio::io_context& io, Stream stream, tls_context tls, events on)
    : resolver_{io}, stream_{std::move(stream)}, tls_{std::move(tls)}, on_{std::move(on)} {}

  void open(const endpoint_name& node) {
    host_ = node.host;
    resolver_.async_resolve(
      node.host, node.port,
      [self = this->shared_from_this()](const error_code& error, const auto& endpoints) {
        if (self->failed(error))
          return;
        asio::async_connect(self->socket(), endpoints,
                            [self](const error_code& refused, const auto& /*endpoint*/) {
                              if (!self->failed(refused))
                                self->shake_hands();
                            });
      });
  }

  void send(std::string bytes) override {
    queued_ += bytes.size();
    queue_.push_back(std::move(bytes));
    if (open_ && !writing_)
      write();
  }

  [[nodiscard]] std::size_t queued() const override { return queued_; }

  void close() override {
    closed_ = true;
    on_ = {};
    resolver_.cancel();
    error_code ignored; // the socket is closed in any case
    socket().shutdown(tcp::socket::shutdown_both, ignored);
    socket().close(ignored);
  }

private:
  auto& socket() { return stream_.lowest_layer(); }

  /// Returns whether the connection has ended. The end is reported once, unless the owner closed it.
  bool failed(const error_code& error) {
    if (closed_)
      return true;
    if (!error)
      return false;
    const bool ended = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
    // What a node answers that closes before it has read our first message.
    const bool reset =
      open_ && (error == asio::error::connection_reset || error == asio::error::broken_pipe);
    if (std::is_same_v<Stream, tcp::socket> && !heard_ && (ended || reset))
      fail("the connection was closed without a message: the node has stopped, or it wants TLS "
           "(--tls or --ca FILE); its log says which");
    else
      fail(ended ? "the connection was closed" : error.message());
    return true;
  }

  void fail(const std::string& why) {
    const auto told = on_.closed;
    close();
    if (told)
      told(why);
  }

  void shake_hands() {
    error_code ignored; // slower without it, and otherwise the same
    socket().set_option(tcp::no_delay{true}, ignored);
    if constexpr (std::is_same_v<Stream, tcp::socket>) {
      opened();
    } else {
      stream_.set_verify_callback(asio::ssl::host_name_verification{host_});
      // SNI takes names only, not addresses.
      error_code not_an_address;
      asio::ip::make_address(host_, not_an_address);
      if (not_an_address) {
        // what the macro SSL_set_tlsext_host_name does, without its cast
        SSL_ctrl(stream_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 host_.data());
      }
      stream_.async_handshake(asio::ssl::stream_base::client,
                              [self = this->shared_from_this()](const error_code& error) {
                                if (!self->failed(error))
                                  self->opened();
                              });
    }
  }

  void opened() {
    open_ = true;
    read();
    if (on_.opened)
      on_.opened();
    if (!closed_ && !writing_ && !queue_.empty())
      write();
  }

  void read() {
    stream_.async_read_some(asio::buffer(incoming_), [self = this->shared_from_this()](
                                                       const error_code& error, std::size_t bytes) {
      if (self->failed(error))
        return;
      self->heard_ = true;
      self->messages_.add(std::span{self->incoming_}.first(bytes));
      if (self->deliver())
        self->read();
    });
  }

  /// Returns false if the connection was closed meanwhile.
  bool deliver() {
    while (auto message = messages_.next()) {
      if (!*message) {
        const auto told = on_.garbage;
        if (told)
          told(message->error().detail);
        return !closed_;
      }
      const auto told = on_.received;
      if (told)
        told(**message);
      if (closed_)
        return false;
    }
    return true;
  }

  void write() {
    writing_ = true;
    asio::async_write(
      stream_, asio::buffer(queue_.front()),
      [self = this->shared_from_this()](const error_code& error, std::size_t /*bytes*/) {
        self->writing_ = false;
        if (self->failed(error))
          return;
        self->queued_ -= self->queue_.front().size();
        self->queue_.pop_front();
        const auto told = self->on_.drained;
        if (told)
          told();
        if (!self->closed_ && !self->writing_ && !self->queue_.empty())
          self->write();
      });
  }

  tcp::resolver resolver_;
  Stream stream_;
  tls_context tls_; // must outlive the stream
  events on_;
  std::string host_;
  std::array<std::uint8_t, read_bytes> incoming_{};
  message_splitter messages_;
  std::deque<std::string> queue_;
  std::size_t queued_ = 0;
  bool heard_ = false; // whether any byte has arrived
  bool open_ = false;
  bool writing_ = false;
  bool closed_ = false;
};

} // namespace

result<tls_context> make_tls_context(const tls_files& files) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  const auto refused = [](const std::string& what, const error_code& error) {
    return failure{errc::usage, "cannot use " + what + ": " + error.message()};
  };
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  tls->set_verify_mode(asio::ssl::verify_peer);
  error_code error;
  if (files.ca.empty())
    tls->set_default_verify_paths(error);
  else
    tls->load_verify_file(files.ca, error);
  if (error)
    return refused("the certificate authority " + files.ca, error);
  if (!files.cert.empty())
    tls->use_certificate_chain_file(files.cert, error);
  if (error)
    return refused("the certificate " + files.cert, error);
  if (!files.key.empty())
    tls->use_private_key_file(files.key, asio::ssl::context::pem, error);
  if (error)
    return refused("the key " + files.key, error);
  return tls;
}

result<endpoint_name> parse_endpoint(const std::string& text) {
  const failure bad{errc::usage, "'" + text + "' is not HOST:PORT"};
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return bad;
  endpoint_name name{text.substr(0, colon), text.substr(colon + 1)};
  if (name.host.size() > 2 && name.host.front() == '[' && name.host.back() == ']')
    name.host = name.host.substr(1, name.host.size() - 2);
  else if (name.host.find(':') != std::string::npos)
    return bad;
  const bool digits = name.port.find_first_not_of("0123456789") == std::string::npos;
  if (name.port.empty() || name.port.size() > 5 || !digits || std::stoul(name.port) > 65'535
      || std::stoul(name.port) == 0)
    return bad;
  return name;
}

std::shared_ptr<connection> connection::open(asio::io_context& io,
                                             const endpoint_name& node,
                                             const tls_context& tls,
                                             events on) {
  if (tls == nullptr) {
    auto plain =
      std::make_shared<connection_of<tcp::socket>>(io, tcp::socket{io}, nullptr, std::move(on));
    plain->open(node);
    return plain;
  }
  using secure = asio::ssl::stream<tcp::socket>;
  auto encrypted =
    std::make_shared<connection_of<secure>>(io, secure{io, *tls}, tls, std::move(on));
  encrypted->open(node);
  return encrypted;
}

} // namespace furrow::edge
