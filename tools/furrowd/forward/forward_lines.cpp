#include "tools/furrowd/forward/forward_lines.hpp"

#include "actors/live/interest.hpp"
#include "actors/log/log.hpp"
#include "tools/config/whole_file.hpp"
#include "tools/furrow-edge/uplink/uplink.hpp"
#include "tools/furrowd/forward/relay_items.hpp"

#include <sys/resource.h>

#include <chrono>
#include <random>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using actors::line_news;

namespace {
constexpr int lines_nice = 5; // on Linux for this thread only
} // namespace

/// One conversation; everything on the thread of the lines.
class forward_lines::line : public std::enable_shared_from_this<line> {
public:
  line(forward_lines& of, storage::forward_head head, listener told)
    : of_{of}, told_{std::move(told)}, equipment_{head.equipment}, iso_name_{head.iso_name},
      items_{std::move(head), of.rate_, item_events()}, wait_{of.io_} {}
  line(const line&) = delete;
  line& operator=(const line&) = delete;
  ~line() = default;

  void start() {
    const auto token = config::read_secret(of_.settings_.token_file);
    if (!token)
      return tell(line_news::stopped{"--forward-token-file: " + token.error().detail});
    edge::uplink_config config;
    config.equipment = equipment_;
    config.token = token->text;
    config.software = of_.software_;
    config.iso_name = iso_name_;
    config.nodes = of_.settings_.nodes;
    config.seed = std::random_device{}();
    edge::uplink::events on;
    on.heard = [this] { tell_of_pace(); };
    on.note = [this](const edge::uplink_action::note& note) { tell_of(note); };
    on.stopped = [this](const edge::failure& why) { tell(line_news::stopped{why.detail}); };
    uplink_ =
      std::make_unique<edge::uplink>(of_.io_, std::move(config), items_, of_.tls_, std::move(on));
    uplink_->start();
  }

  void close() {
    told_ = {};
    wait_.cancel();
    // An uplink must not end while one of its own events runs.
    asio::post(of_.io_, [self = shared_from_this()] { self->uplink_.reset(); });
  }
  void grow(std::uint64_t last) {
    items_.grow(last);
    send();
  }
  void renew(storage::forward_head head) {
    items_.renew(std::move(head));
    send();
  }
  void give(storage::forward_page page) {
    items_.take(std::move(page));
    send();
  }
  void give_newest(std::uint64_t after, const storage::forward_page& page) {
    items_.take_newest(after, page);
    send();
  }

private:
  relay_items::events item_events() {
    return {[this](std::uint64_t after) { tell(line_news::wanted{after}); },
            [this](std::uint64_t acked, std::uint64_t run, bool claimed) {
              tell(line_news::acked{acked, run, claimed});
            },
            [this](std::chrono::milliseconds wait) { send_after(wait); },
            [this](std::uint64_t after) { tell(line_news::newest_wanted{after}); }};
  }

  void tell(decltype(line_news::what) what) const {
    if (told_)
      told_({std::move(what)});
  }

  void tell_of(const edge::uplink_action::note& note) const {
    if (log::enabled(log::level::debug, log::node))
      log::write(log::level::debug, log::node, note.event, {.peer = note.node}, "forwarding {}: {}",
                 equipment_, note.text);
    if (note.how == log::level::warning)
      tell(line_news::state{note.text});
    else if (note.how == log::level::info)
      tell(line_news::state{});
  }

  void tell_of_pace() {
    const auto interval = uplink_->protocol().interval();
    if (std::exchange(pace_told_, interval) == interval)
      return;
    items_.watched(interval.count() > 0 && interval < actors::machine_interest::idle);
    tell(line_news::pace{interval});
  }

  void send() {
    if (uplink_ != nullptr && told_)
      uplink_->items_added();
  }

  void send_after(std::chrono::milliseconds wait) {
    if (waiting_)
      return;
    waiting_ = true;
    wait_.expires_after(wait);
    wait_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto self = weak.lock();
      if (!self)
        return;
      self->waiting_ = false;
      if (!error)
        self->send();
    });
  }

  forward_lines& of_;
  listener told_;
  const std::string equipment_;
  const std::optional<std::uint64_t> iso_name_;
  relay_items items_;
  asio::steady_timer wait_;
  bool waiting_ = false;
  std::chrono::milliseconds pace_told_{0};
  std::unique_ptr<edge::uplink> uplink_; // last: it uses the items
};

/// What the forwarder holds; it hands everything to the thread of the lines.
class forward_lines::handle final : public actors::forward_line {
public:
  handle(forward_lines& of, std::shared_ptr<line> to) : of_{of}, line_{std::move(to)} {}
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  ~handle() override {
    asio::post(of_.io_, [to = std::move(line_)] { to->close(); });
  }
  void grow(std::uint64_t last) override {
    asio::post(of_.io_, [to = line_, last] { to->grow(last); });
  }
  void renew(storage::forward_head head) override {
    asio::post(of_.io_,
               [to = line_, head = std::move(head)]() mutable { to->renew(std::move(head)); });
  }
  void give(storage::forward_page page) override {
    asio::post(of_.io_,
               [to = line_, page = std::move(page)]() mutable { to->give(std::move(page)); });
  }
  void give_newest(std::uint64_t after, storage::forward_page page) override {
    asio::post(of_.io_,
               [to = line_, after, page = std::move(page)] { to->give_newest(after, page); });
  }

private:
  forward_lines& of_;
  std::shared_ptr<line> line_;
};

edge::result<std::shared_ptr<forward_lines>> forward_lines::make(forward_settings settings,
                                                                 std::string software) {
  edge::tls_context tls;
  if (settings.with_tls()) {
    auto made = edge::make_tls_context(settings.tls);
    if (!made)
      return made.error();
    tls = std::move(*made);
  }
  return std::make_shared<forward_lines>(std::move(settings), std::move(tls), std::move(software));
}

forward_lines::forward_lines(forward_settings settings, edge::tls_context tls, std::string software)
  : settings_{std::move(settings)}, tls_{std::move(tls)}, software_{std::move(software)},
    rate_{settings_.bytes_a_second}, held_{io_.get_executor()}, thread_{[this] {
      (void)::setpriority(PRIO_PROCESS, 0, lines_nice); // if it fails, the priority is the same
      io_.run();
    }} {}

forward_lines::~forward_lines() {
  stop();
}

std::string forward_lines::target() const {
  std::string out;
  for (const auto& node : settings_.nodes)
    out += (out.empty() ? "" : ",") + node;
  return out;
}

std::unique_ptr<actors::forward_line> forward_lines::open(storage::forward_head head,
                                                          listener told) {
  auto made = std::make_shared<line>(*this, std::move(head), std::move(told));
  asio::post(io_, [made] { made->start(); });
  return std::make_unique<handle>(*this, std::move(made));
}

void forward_lines::stop() {
  held_.reset();
  if (thread_.joinable())
    thread_.join();
}

} // namespace furrow::daemon
