#include "tests/support/tcp_proxy.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace furrow::tests {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds proxy_look{10};

/// What the line does now; read by the proxy's thread.
struct line_state {
  std::atomic<bool> held[2] = {false, false};
  std::atomic<std::int64_t> least_ms{0};
  std::atomic<std::int64_t> most_ms{0};
  std::atomic<std::size_t> trickle{0}; // 0: no limit
  std::atomic<std::uint64_t> passed[2] = {0, 0};
};

} // namespace

/// One connection, as two directions that do not know of each other except at the end.
class tcp_proxy::line : public std::enable_shared_from_this<line> {
public:
  line(tcp::socket client, line_state& state, std::mt19937_64& random)
    : client_{std::move(client)}, target_{client_.get_executor()}, state_{state}, random_{random} {}

  void start(std::uint16_t port) {
    target_.async_connect({asio::ip::address_v4::loopback(), port},
                          [self = shared_from_this()](const error_code& error) {
                            if (error)
                              return self->end();
                            self->read(way::to_target);
                            self->read(way::to_client);
                          });
  }
  void end() {
    error_code ignored; // closed already
    client_.close(ignored);
    target_.close(ignored);
  }
  void reset() {
    error_code ignored; // closed already
    client_.set_option(asio::socket_base::linger{true, 0}, ignored);
    target_.set_option(asio::socket_base::linger{true, 0}, ignored);
    end();
  }

private:
  struct direction {
    std::array<char, 65'536> bytes{};
    std::unique_ptr<asio::steady_timer> pause;
  };

  static std::size_t at(way which) { return static_cast<std::size_t>(which); }
  tcp::socket& from(way which) { return which == way::to_target ? client_ : target_; }
  tcp::socket& to(way which) { return which == way::to_target ? target_ : client_; }

  void read(way which) {
    const auto limit = state_.trickle.load();
    auto& into = directions_[at(which)].bytes;
    const auto size = limit == 0 ? into.size() : std::min(limit, into.size());
    from(which).async_read_some(asio::buffer(into.data(), size), [self = shared_from_this(),
                                                                  which](const error_code& error,
                                                                         std::size_t count) {
      if (error)
        return self->ended(which);
      std::uniform_int_distribution<std::int64_t> wait{
        self->state_.least_ms, std::max(self->state_.least_ms.load(), self->state_.most_ms.load())};
      const auto rest = self->state_.trickle > 0 ? proxy_look : milliseconds{0};
      self->pass(which, count, std::max(milliseconds{wait(self->random_)}, rest));
    });
  }
  /// The end of one side is passed on like bytes: it waits while the direction is held.
  void ended(way which) {
    after(which, proxy_look, [this, which] {
      if (state_.held[at(which)])
        return ended(which);
      end();
    });
  }
  void pass(way which, std::size_t count, milliseconds wait) {
    if (wait.count() > 0 || state_.held[at(which)])
      return after(which, std::max(wait, proxy_look),
                   [this, which, count] { pass(which, count, milliseconds{0}); });
    asio::async_write(
      to(which), asio::buffer(directions_[at(which)].bytes.data(), count),
      [self = shared_from_this(), which, count](const error_code& error, std::size_t) {
        if (error)
          return self->end();
        self->state_.passed[at(which)] += count;
        self->read(which);
      });
  }
  template <class Then>
  void after(way which, milliseconds wait, Then then) {
    auto& pause = directions_[at(which)].pause;
    pause = std::make_unique<asio::steady_timer>(client_.get_executor(), wait);
    pause->async_wait([self = shared_from_this(), then](const error_code& error) {
      if (!error)
        then();
    });
  }

  tcp::socket client_;
  tcp::socket target_;
  line_state& state_;
  std::mt19937_64& random_;
  std::array<direction, 2> directions_;
};

class tcp_proxy::works {
public:
  works(std::uint16_t target, std::uint64_t seed) : target_{target}, random_{seed} {
    accept();
    thread_ = std::thread{[this] { io_.run(); }};
  }
  works(const works&) = delete;
  works& operator=(const works&) = delete;
  ~works() {
    io_.stop();
    thread_.join();
  }

  line_state state;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void reset() {
    asio::post(io_, [this] {
      for (const auto& each : lines_)
        if (const auto one = each.lock())
          one->reset();
      lines_.clear();
    });
  }

private:
  void accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket client) {
      if (error)
        return;
      auto one = std::make_shared<line>(std::move(client), state, random_);
      std::erase_if(lines_, [](const auto& each) { return each.expired(); });
      lines_.push_back(one);
      one->start(target_);
      accept();
    });
  }

  const std::uint16_t target_;
  std::mt19937_64 random_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  const std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::vector<std::weak_ptr<line>> lines_;
  std::thread thread_;
};

tcp_proxy::tcp_proxy(std::uint16_t target, std::uint64_t seed)
  : works_{std::make_shared<works>(target, seed)} {}
tcp_proxy::~tcp_proxy() = default;

std::uint16_t tcp_proxy::port() const {
  return works_->port();
}

void tcp_proxy::hold(way which) {
  works_->state.held[static_cast<std::size_t>(which)] = true;
}

void tcp_proxy::hold_both() {
  hold(way::to_target);
  hold(way::to_client);
}

void tcp_proxy::delay(milliseconds least, milliseconds most) {
  works_->state.least_ms = least.count();
  works_->state.most_ms = most.count();
}

void tcp_proxy::trickle(std::size_t bytes) {
  works_->state.trickle = bytes;
}

void tcp_proxy::heal() {
  for (auto& held : works_->state.held)
    held = false;
  delay(milliseconds{0}, milliseconds{0});
  trickle(0);
}

void tcp_proxy::reset() {
  works_->reset();
}

std::uint64_t tcp_proxy::passed(way which) const {
  return works_->state.passed[static_cast<std::size_t>(which)];
}

} // namespace furrow::tests
