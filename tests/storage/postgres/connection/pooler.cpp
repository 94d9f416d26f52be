#include "tests/storage/postgres/connection/pooler.hpp"

#include <array>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace furrow::tests {

namespace asio = boost::asio;
using asio::use_awaitable;
using tcp = asio::ip::tcp;

namespace {

using line = std::shared_ptr<tcp::socket>;

struct message {
  char type = 0; // 0: of a client that has just come
  std::string bytes;
  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i)
      out = out << 8U | static_cast<unsigned char>(bytes[at + i]);
    return out;
  }
};

asio::awaitable<message> read_message(tcp::socket& from, bool typed = true) {
  message out;
  out.bytes.resize(typed ? 5 : 4);
  co_await asio::async_read(from, asio::buffer(out.bytes), use_awaitable);
  const auto head = out.bytes.size();
  if (typed)
    out.type = out.bytes[0];
  out.bytes.resize(head - 4 + out.word(head - 4));
  co_await asio::async_read(from, asio::buffer(out.bytes.data() + head, out.bytes.size() - head),
                            use_awaitable);
  co_return out;
}

asio::awaitable<void> write_to(tcp::socket& to, const std::string& bytes) {
  co_await asio::async_write(to, asio::buffer(bytes), use_awaitable);
}

} // namespace

struct pooler::machine {
  asio::io_context context{1};
  tcp::acceptor door{context, {asio::ip::address_v4::loopback(), 0}};
  int server_port = 0;
  mode lends = mode::session;
  std::vector<line> idle;
  std::thread thread;

  std::string startup;  // the first client's
  std::string greeting; // what the server says to it

  /// The server's answers, handed on by `hand_on`; true when it is ready for something else and in no transaction.
  template <class HandOn>
  asio::awaitable<bool> answers(tcp::socket& server, HandOn hand_on) {
    for (;;) {
      auto said = co_await read_message(server);
      if (said.type == 'K')
        said.bytes[5] ^= 0x55; // the process is the pooler's own affair
      co_await hand_on(said.bytes);
      if (said.type == 'Z')
        co_return said.bytes.back() == 'I';
      if (said.type == 'G')
        co_return false; // the client has to say more
    }
  }

  asio::awaitable<line> open_server() {
    auto server = std::make_shared<tcp::socket>(context);
    const tcp::endpoint at{asio::ip::address_v4::loopback(),
                           static_cast<std::uint16_t>(server_port)};
    co_await server->async_connect(at, use_awaitable);
    co_await write_to(*server, startup);
    std::string said;
    (void)co_await answers(*server, [&said](const std::string& bytes) -> asio::awaitable<void> {
      said += bytes;
      co_return;
    });
    greeting = said;
    co_return server;
  }

  asio::awaitable<line> lend() {
    if (idle.empty())
      co_return co_await open_server();
    auto server = idle.back();
    idle.pop_back();
    co_return server;
  }

  asio::awaitable<void> greet(tcp::socket& client) {
    constexpr std::uint32_t plain = 3U << 16U;
    auto first = co_await read_message(client, false);
    while (first.word(4) != plain) { // asks for TLS or GSS
      co_await write_to(client, "N");
      first = co_await read_message(client, false);
    }
    startup = first.bytes;
    if (greeting.empty())
      idle.push_back(co_await open_server());
    co_await write_to(client, greeting);
  }

  asio::awaitable<void> serve(tcp::socket client) {
    co_await greet(client);
    line held;
    for (;;) {
      const auto said = co_await read_message(client);
      if (said.type == 'X')
        co_return;
      if (!held)
        held = co_await lend();
      co_await write_to(*held, said.bytes);
      if (std::string{"QScf"}.find(said.type) == std::string::npos)
        continue; // the client goes on
      const bool ready =
        co_await answers(*held, [&client](const std::string& bytes) -> asio::awaitable<void> {
          co_await write_to(client, bytes);
        });
      if (ready && lends == mode::transaction)
        idle.push_back(std::exchange(held, nullptr));
    }
  }

  asio::awaitable<void> accept() {
    for (;;) {
      auto client = co_await door.async_accept(use_awaitable);
      asio::co_spawn(context, serve(std::move(client)), asio::detached);
    }
  }
};

pooler::pooler(int server_port, mode lends) : machine_{std::make_unique<machine>()} {
  machine_->server_port = server_port;
  machine_->lends = lends;
  asio::co_spawn(machine_->context, machine_->accept(), asio::detached);
  machine_->thread = std::thread{[this] { machine_->context.run(); }};
}

pooler::~pooler() {
  machine_->context.stop();
  machine_->thread.join();
}

std::string pooler::url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(machine_->door.local_endpoint().port())
         + "/" + database;
}

} // namespace furrow::tests
