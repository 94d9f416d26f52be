#include "tools/furrowd/link/link_channel.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

namespace {

[[noreturn]] void end_reading() {
  throw system_error{asio::error::operation_aborted};
}

link_refusal refusal_of_code(proto::errc code) {
  return code == proto::errc::limit || code == proto::errc::length ? link_refusal::limit
                                                                   : link_refusal::malformed;
}

} // namespace

link_channel::link_channel(socket_type socket, const link_limits& limits)
  : socket_{std::move(socket)}, limits_{limits}, timer_{socket_.get_executor()},
    deadline_{clock::now() + limits.handshake} {}

void link_channel::start_watch() {
  asio::co_spawn(
    socket_.get_executor(), [me = self(), this] { return watch(); }, asio::detached);
}

asio::awaitable<void> link_channel::watch() {
  const auto me = self();
  while (!closed_) {
    timer_.expires_after(watch_every);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!closed_)
      look(clock::now());
  }
}

void link_channel::look(clock::time_point now) {
  if (deadline_ && now >= *deadline_) {
    close(link_refusal::silent,
          "it did not say who it is within " + std::to_string(limits_.handshake.count()) + " ms");
    return;
  }
  if (open_ && !closing_) {
    if (now - last_heard_ >= limits_.silence) {
      close(link_refusal::silent,
            "nothing came for " + std::to_string(limits_.silence.count()) + " ms");
      return;
    }
    if (now - last_sent_ >= limits_.ping)
      send(proto::ping{0});
  }
  if (!closed_)
    tick(now);
}

asio::awaitable<void> link_channel::peek(std::span<std::uint8_t> bytes) {
  error_code ignored; // without it the loop below only turns more often
  socket_.set_option(asio::socket_base::receive_low_watermark{static_cast<int>(bytes.size())},
                     ignored);
  for (;;) {
    co_await socket_.async_wait(asio::socket_base::wait_read, asio::use_awaitable);
    const auto seen = socket_.receive(asio::buffer(bytes.data(), bytes.size()),
                                      asio::socket_base::message_peek); // does not block now
    if (seen == bytes.size())
      break;
    asio::steady_timer pause{socket_.get_executor(), peek_pause}; // half of it, and perhaps the end
    co_await pause.async_wait(asio::use_awaitable);
  }
  socket_.set_option(asio::socket_base::receive_low_watermark{1}, ignored);
}

asio::awaitable<bool> link_channel::speaks_tls() {
  constexpr std::uint8_t handshake_record = 0x16;
  std::array<std::uint8_t, record_head_bytes + client_hello_max> record{};
  const std::span<std::uint8_t> seen{record};
  co_await peek(seen.first(1));
  if (record[0] != handshake_record)
    co_return false;
  co_await peek(seen.first(record_head_bytes));
  const auto length = static_cast<std::size_t>(record[3] << 8U | record[4]);
  if (record[1] != 0x03 || length == 0 || length > client_hello_max)
    co_return false;
  co_await peek(seen.first(record_head_bytes + length));
  co_return true;
}

asio::awaitable<void> link_channel::shake_hands(const tls_context& tls, tls_socket::side side) {
  tls_ = tls;
  stream_.emplace(socket_, tls_);
  const auto error = co_await stream_->shake_hands(side);
  if (!error)
    co_return;
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
    close(); // a probe of the port: nothing was said
  if (!closed_) {
    auto [why, text] = link_handshake_fault(error, stream_->native_handle());
    close(why, std::move(text));
  }
  throw system_error{error};
}

std::optional<link_fault> link_channel::certificate_fault(const std::string& node) {
  const std::unique_ptr<X509, void (*)(X509*)> certificate{
    SSL_get1_peer_certificate(stream_->native_handle()), [](X509* one) { X509_free(one); }};
  if (!certificate)
    return link_fault{link_refusal::no_certificate, "it presented no certificate"};
  if (!is_for_both_sides(certificate.get()))
    return link_fault{link_refusal::wrong_purpose,
                      "its certificate is not for both serverAuth and clientAuth"};
  if (!names_node(certificate.get(), node))
    return link_fault{link_refusal::wrong_name, "its certificate does not name node " + node};
  return std::nullopt;
}

asio::awaitable<void> link_channel::fill(std::span<std::uint8_t> bytes) {
  if (const auto error = co_await stream_->read(bytes))
    throw system_error{error};
  last_heard_ = clock::now();
}

asio::awaitable<proto::link::message> link_channel::read(std::uint32_t bytes_max) {
  std::array<std::uint8_t, proto::length_bytes> prefix{};
  co_await fill(prefix);
  const auto length = proto::decode_length(prefix, bytes_max);
  if (!length) {
    close(link_refusal::limit, length.error().detail);
    end_reading();
  }
  std::vector<std::uint8_t> body(*length);
  co_await fill(body);
  auto decoded = proto::link::decode(body);
  if (!decoded) {
    close(refusal_of_code(decoded.code()), decoded.error().detail);
    end_reading();
  }
  if (closed_)
    end_reading();
  co_return std::move(*decoded);
}

link_fault link_channel::fault_of(const error_code& error) {
  return link_handshake_fault(error, stream_ ? stream_->native_handle() : nullptr);
}

void link_channel::opened() {
  deadline_.reset();
  open_ = true;
  last_heard_ = clock::now();
}

void link_channel::send(const message& what) {
  if (closed_ || closing_)
    return;
  std::string bytes;
  if (const auto encoded = proto::link::encode(what, bytes); !encoded) {
    close(link_refusal::limit, "a message cannot be sent: " + encoded.error().detail);
    return;
  }
  if (queued_bytes_ + bytes.size() > limits_.queued_bytes_max) {
    close(link_refusal::limit,
          std::to_string(queued_bytes_ + bytes.size()) + " bytes are unread by it");
    return;
  }
  queued_bytes_ += bytes.size();
  outbox_.push_back(std::move(bytes));
  if (!std::exchange(writing_, true))
    asio::co_spawn(
      socket_.get_executor(), [me = self(), this] { return write_all(); }, asio::detached);
}

asio::awaitable<void> link_channel::write_all() {
  const auto me = self();
  while (!closed_ && !outbox_.empty()) {
    const auto bytes = std::move(outbox_.front());
    outbox_.pop_front();
    last_sent_ = clock::now();
    const auto error = co_await stream_->write(bytes);
    queued_bytes_ -= bytes.size();
    if (error) {
      close();
      break;
    }
  }
  writing_ = false;
  if (closing_)
    close();
}

void link_channel::refuse(link_refusal why, const std::string& text) {
  if (closed_ || closing_)
    return;
  why_ = link_fault{why, text};
  auto words = text;
  words.resize(std::min(words.size(), proto::text_bytes_max));
  send(proto::link::refuse{std::move(words)});
  closing_ = true;
  deadline_ = clock::now() + limits_.silence; // for the last words
  if (!writing_)
    close();
}

void link_channel::close(link_refusal why, std::string text) {
  if (!closed_ && !why_)
    why_ = link_fault{why, std::move(text)};
  close();
}

void link_channel::close() {
  if (std::exchange(closed_, true))
    return;
  timer_.cancel();
  error_code ignored; // the socket is closed afterwards in any case
  socket_.shutdown(socket_type::shutdown_both, ignored);
  socket_.close(ignored);
  ended(why_);
}

} // namespace furrow::daemon
