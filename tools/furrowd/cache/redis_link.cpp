#include "tools/furrowd/cache/redis_link.hpp"

#include "actors/log/log.hpp"
#include "tools/furrowd/cache/redis_reply.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace furrow::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

struct command {
  std::string bytes;
  redis_link::handler done; // may be empty
};

bool read_number(std::string_view text, std::uint16_t& out) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && at == text.data() + text.size();
}

} // namespace

result<redis_settings, redis_errc> parse_redis_url(const std::string& url) {
  constexpr std::string_view scheme = "redis://";
  const failure<redis_errc> bad{
    redis_errc::bad_url, "invalid Redis URL: expected redis://[:PASSWORD@]HOST[:PORT][/DATABASE]"};
  if (!url.starts_with(scheme))
    return bad;
  redis_settings out;
  auto rest = std::string_view{url}.substr(scheme.size());
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    if (at == 0 || rest.front() != ':')
      return bad;
    out.password = rest.substr(1, at - 1);
    rest.remove_prefix(at + 1);
  }
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    if (!read_number(rest.substr(slash + 1), out.database))
      return bad;
    rest = rest.substr(0, slash);
  }
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    if (!read_number(rest.substr(colon + 1), out.port) || out.port == 0)
      return bad;
    rest = rest.substr(0, colon);
  }
  if (rest.empty())
    return bad;
  out.host = rest;
  return out;
}

/// Everything runs on the strand. A command that runs ends with its reply or with the connection.
class redis_link::session : public std::enable_shared_from_this<session> {
public:
  session(asio::io_context& io, redis_settings given)
    : settings{std::move(given)}, strand{asio::make_strand(io)}, socket_{strand}, limit_{strand} {}

  void submit(command one) {
    asio::post(strand, [self = shared_from_this(), one = std::move(one)]() mutable {
      self->take(std::move(one));
    });
  }

  void stop() {
    asio::post(strand, [self = shared_from_this()] {
      self->stopped_ = true;
      self->cut("");
    });
  }

  const redis_settings settings;
  const asio::strand<asio::io_context::executor_type> strand;
  redis_counters counters;

private:
  void take(command one) {
    if (stopped_ || queue_.size() >= queue_max || clock::now() < not_before_) {
      ++counters.refused;
      if (one.done)
        one.done(std::nullopt);
      return;
    }
    queue_.push_back(std::move(one));
    if (!std::exchange(working_, true))
      asio::co_spawn(strand, work(), asio::detached);
  }

  /// Runs the queue until it is empty.
  asio::awaitable<void> work() {
    const auto self = shared_from_this();
    while (!queue_.empty() && !stopped_) {
      if (!socket_.is_open()) {
        const bool connected = co_await connect();
        if (!connected)
          break;
      }
      auto one = std::move(queue_.front());
      queue_.pop_front();
      auto said = co_await exchange(one.bytes, settings.command_limit);
      if (one.done)
        one.done(said && said->what == redis_reply::kind::text
                   ? std::optional{std::move(said->text)}
                   : std::nullopt);
      if (!said)
        break;
    }
    for (auto& one : std::exchange(queue_, {})) {
      ++counters.refused;
      if (one.done)
        one.done(std::nullopt);
    }
    working_ = false;
  }

  [[nodiscard]] std::vector<std::string> greetings() const {
    std::vector<std::string> out;
    if (!settings.password.empty())
      out.push_back(redis_command({"AUTH", settings.password}));
    if (settings.database != 0)
      out.push_back(redis_command({"SELECT", std::to_string(settings.database)}));
    return out;
  }

  asio::awaitable<bool> connect() {
    reader_ = {};
    begin(settings.connect_limit);
    tcp::resolver resolver{strand};
    resolving_ = &resolver;
    auto [unknown, found] =
      co_await resolver.async_resolve(settings.host, std::to_string(settings.port), use_tuple);
    resolving_ = nullptr;
    if (unknown || late_)
      co_return fail("host not found");
    auto [refused, at] = co_await asio::async_connect(socket_, found, use_tuple);
    if (refused || late_)
      co_return fail(late_ ? "no answer" : refused.message());
    end();
    for (const auto& greeting : greetings()) {
      const auto said = co_await exchange(greeting, settings.connect_limit);
      if (!said)
        co_return false;
      if (said->what == redis_reply::kind::error)
        co_return fail("rejected: " + said->text);
    }
    co_return true;
  }

  /// Sends one command and reads its reply; nothing when the connection was lost.
  asio::awaitable<std::optional<redis_reply>> exchange(std::string bytes,
                                                       std::chrono::milliseconds within) {
    begin(within);
    auto [unsent, count] = co_await asio::async_write(socket_, asio::buffer(bytes), use_tuple);
    if (unsent)
      co_return failed(late_ ? "too slow" : unsent.message());
    auto reply = reader_.next();
    while (!reply && !reader_.broken()) {
      auto [lost, size] = co_await socket_.async_read_some(asio::buffer(buffer_), use_tuple);
      if (lost || late_)
        co_return failed(late_ ? "too slow" : lost.message());
      reader_.feed({buffer_.data(), size});
      reply = reader_.next();
    }
    if (reader_.broken() || !reader_.idle())
      co_return failed("invalid reply");
    end();
    if (!std::exchange(told_up_, true))
      log::info(log::cache, "redis_answers", {.peer = settings.host},
                "Redis at {}:{} answers: nodes share their cached answers", settings.host,
                settings.port);
    counters.up = true;
    pause_ = std::chrono::milliseconds{0};
    co_return reply;
  }

  void begin(std::chrono::milliseconds within) {
    late_ = false;
    limit_.expires_after(within);
    limit_.async_wait([self = shared_from_this(), turn = ++turn_](error_code ended) {
      if (ended || turn != self->turn_)
        return;
      self->late_ = true;
      self->close();
    });
  }
  void end() {
    ++turn_;
    limit_.cancel();
  }

  void close() {
    if (resolving_ != nullptr)
      resolving_->cancel();
    error_code ignored;
    socket_.close(ignored);
  }

  void cut(const std::string& why) {
    end();
    close();
    counters.up = false;
    if (why.empty() || stopped_)
      return;
    ++counters.failures;
    pause_ = std::clamp(pause_ * 2, settings.pause_first, settings.pause_max);
    not_before_ = clock::now() + pause_;
    if (std::exchange(told_up_, false) || !std::exchange(told_down_, true))
      log::warn(log::cache, "redis_away", {.peer = settings.host, .error = why},
                "Redis at {}:{} is unavailable ({}): answers are cached in memory only",
                settings.host, settings.port, why);
  }
  bool fail(const std::string& why) {
    cut(why);
    return false;
  }
  std::optional<redis_reply> failed(const std::string& why) {
    cut(why);
    return std::nullopt;
  }

  tcp::socket socket_;
  asio::steady_timer limit_;
  tcp::resolver* resolving_ = nullptr;
  std::deque<command> queue_;
  redis_reader reader_;
  std::array<char, 16'384> buffer_{};
  std::chrono::milliseconds pause_{0};
  clock::time_point not_before_;
  std::uint64_t turn_ = 0;
  bool late_ = false;
  bool working_ = false;
  bool stopped_ = false;
  bool told_up_ = false;
  bool told_down_ = false;
};

redis_link::redis_link(asio::io_context& io, redis_settings settings)
  : session_{std::make_shared<session>(io, std::move(settings))} {}
redis_link::~redis_link() {
  stop();
}

void redis_link::get(const std::string& key, handler done) {
  session_->submit({redis_command({"GET", key}), std::move(done)});
}
void redis_link::set(const std::string& key,
                     const std::string& text,
                     std::chrono::milliseconds ttl) {
  if (ttl.count() > 0)
    session_->submit({redis_command({"SET", key, text, "PX", std::to_string(ttl.count())}), {}});
}
void redis_link::remove(const std::string& key) {
  session_->submit({redis_command({"DEL", key}), {}});
}
void redis_link::stop() {
  session_->stop();
}
const redis_counters& redis_link::counters() const {
  return session_->counters;
}

} // namespace furrow::http
