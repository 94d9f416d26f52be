#include "tools/furrowd/reload.hpp"

#include "actors/log/log.hpp"
#include "tools/furrowd/config/named_files.hpp"

#include <algorithm>
#include <csignal>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

namespace {

void keep_old(const std::string& why) {
  log::error(log::node, "reload_failed", {.error = why},
             "reload: {}; the old configuration stays in force", why);
}

} // namespace

reloader::reloader(asio::io_context& signals,
                   asio::io_context& people,
                   const settings& first,
                   reload_targets targets,
                   events on)
  : io_{signals}, people_{people}, signals_{signals}, line_{first.line}, in_force_{first.in_force},
    has_token_file_{!first.tokens.empty()}, targets_{std::move(targets)}, on_{std::move(on)} {}

void reloader::start() {
  signals_.add(SIGHUP);
  await();
}

void reloader::stop() {
  stopped_ = true;
  boost::system::error_code ignored; // the node ends
  signals_.cancel(ignored);
}

void reloader::await() {
  if (stopped_)
    return;
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (error)
      return;
    if (on_.begins)
      on_.begins();
    asio::post(people_, [this] {
      reload();
      asio::post(io_, [this] {
        if (on_.ended)
          on_.ended();
        await();
      });
    });
  });
}

/// The whole reload.
void reloader::reload() {
  auto read = reread_settings(line_);
  if (const auto* const why = std::get_if<std::string>(&read))
    keep_old(*why);
  else
    apply(std::move(std::get<settings>(read)));
}

void reloader::apply(settings now) {
  auto files = load_files(now);
  if (!files)
    return keep_old(files.error().detail);
  auto waiting = config::changed(in_force_, now.in_force, config::change::at_restart);
  const auto needs_restart = [&](bool is, bool was, const char* key) {
    if (is != was)
      waiting.emplace_back(key);
    return is != was;
  };
  if (!needs_restart(files->gateways != nullptr, targets_.gateways.on(), "tls_cert")
      && files->gateways) {
    targets_.gateways.replace(files->gateways);
    targets_.http.replace(files->http);
    targets_.host.certificate_expires_us = certificate_expiry_us(files->gateways);
  }
  // A node that loses its token file could be open to everybody: that takes a restart.
  has_token_file_ = has_token_file_ || files->tokens;
  if (!needs_restart(files->tokens.has_value(), has_token_file_, "tokens") && files->tokens)
    targets_.access.replace_file_tokens(std::move(files->tokens));
  if (targets_.link && files->link)
    targets_.link->use(std::move(*files->link));
  targets_.http_server.limit(now.http_limits, now.cache.ttl);
  for (const auto& warning : now.in_force.warnings)
    log::warn(log::node, "setting_doubtful", {}, "{}", warning);
  // A key comes and goes with its certificate.
  auto kept = waiting;
  if (std::find(kept.begin(), kept.end(), "tls_cert") != kept.end())
    kept.emplace_back("tls_key");
  config::take_reloaded(in_force_, std::move(now.in_force), kept);
  targets_.settings.show(in_force_);
  // The answer is seen under the old or the new level.
  const bool was_seen = log::enabled(log::level::info, log::node);
  const auto tell = [&] {
    log::info(log::node, "reload_done", {}, "reload: done{}", config::restart_note(waiting));
  };
  if (was_seen)
    tell();
  (void)log::set_levels(now.log_level); // checked with the settings
  if (!was_seen)
    tell();
}

} // namespace furrow::daemon
