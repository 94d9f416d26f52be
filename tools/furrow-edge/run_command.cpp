#include "tools/furrow-edge/run_command.hpp"

#include "actors/log/log.hpp"
#include "tools/furrow-edge/source/log_source.hpp"
#include "tools/furrow-edge/source/record_source.hpp"
#include "tools/furrow-edge/source/socketcan_source.hpp"
#include "tools/furrow-edge/uplink/uplink.hpp"
#include "tools/process/liveness.hpp"
#include "tools/process/stop_signals.hpp"

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

namespace furrow::edge {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds maintain_interval{250};
constexpr milliseconds maintain_again{10};
constexpr milliseconds progress_interval_terminal{250};
constexpr milliseconds progress_interval_plain{10'000};
constexpr std::chrono::seconds end_limit{20}; // to save what was read, on a slow disk

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (comma > at)
      parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

/// 1234567 -> 1,234,567
std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = text.size(); at > 3; at -= 3)
    text.insert(at - 3, 1, ',');
  return text;
}

void tell(const uplink_action::note& note) {
  if (log::enabled(note.how, log::uplink))
    log::write(note.how, log::uplink, note.event, {.peer = note.node}, "{}", note.text);
}

/// One run of the program. Everything except the spoolers' threads runs on `io_`.
class gateway {
public:
  gateway(const fresh_options& first, console& out, std::function<result<fresh_options>()> reread)
    : options_{first.options}, out_{out}, values_{first.values}, reread_{std::move(reread)} {}

  int run() {
    if (auto ok = prepare(); !ok) {
      log::error(log::edge, "start_failed", {}, "{}", ok.error().detail);
      return exit_failed;
    }
    for (const auto& warning : values_.warnings)
      log::warn(log::edge, "setting_doubtful", {}, "{}", warning);
    asio::signal_set signals{io_};
    const auto stops = stop_signals();
    for (const auto signal : stops)
      signals.add(signal);
    if (hangup_reloads(stops))
      await_reload();
    signals.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
      if (!error)
        finish(exit_ok, "stopped: " + standing() + "; the spool keeps what is not durable");
    });
    liveness_.start();
    if (options_.timeout)
      after(timeout_, *options_.timeout, [this] { time_out(); });
    uplink_->start();
    for (auto& each : feeds_)
      if (!each->held)
        each->moves.start();
    maintain();
    report();
    liveness_.ready();
    check_durable();
    io_.run();
    // After a signal or a failure the spooler still has items: they are saved before the spool closes.
    uplink_->close();
    feeds_.clear();
    out_.end_progress();
    if (options_.until_durable)
      std::printf("spooled %" PRIu64 "  durable %" PRIu64 "\n", spool_->last_seq(),
                  spool_->acked_seq());
    return exit_;
  }

private:
  static result<tls_context> tls_of(const run_options& options) {
    return options.tls ? make_tls_context(*options.tls) : result<tls_context>{tls_context{}};
  }

  void await_reload() {
    reloads_.add(SIGHUP);
    reloads_.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
      if (error)
        return;
      reload();
      await_reload();
    });
  }

  /// The whole reload of a gateway. The open connection stays; the next one uses what is new.
  void reload() {
    liveness_.reloading();
    reread();
    liveness_.reloaded();
  }

  void reread() {
    auto fresh = reread_();
    const auto tls = fresh ? tls_of(fresh->options) : result<tls_context>{fresh.error()};
    if (!tls) {
      log::error(log::edge, "reload_failed", {.error = tls.error().detail},
                 "reload: {}; the old configuration stays in force", tls.error().detail);
      return;
    }
    auto waiting = config::changed(values_, fresh->values, config::change::at_restart);
    if (options_.tls.has_value() != fresh->options.tls.has_value())
      waiting.emplace_back("tls");
    else
      uplink_->use(*tls, fresh->options.uplink.token);
    out_.verbosity(fresh->verbosity);
    for (const auto& warning : fresh->values.warnings)
      log::warn(log::edge, "setting_doubtful", {}, "{}", warning);
    config::take_reloaded(values_, std::move(fresh->values));
    log::info(log::edge, "reload_done", {}, "reload: done{}", config::restart_note(waiting));
  }

  result<done> prepare() {
    const auto tls = tls_of(options_);
    if (!tls)
      return tls.error();
    auto opened = spool::open(options_.spool, [this](auto first, auto count) {
      log::error(log::spool, "spool_damaged", {.count = count},
                 "{}: damaged: items {} to {} are lost; the node records the loss",
                 options_.spool.path, first, first + count - 1);
    });
    if (!opened)
      return opened.error();
    spool_ = std::move(*opened);
    if (auto ok = open_sources(); !ok)
      return ok;
    new_files_ = files_;
    if (auto ok = add_kept_files(); !ok)
      return ok;
    uplink::events on;
    on.note = tell;
    on.stopped = [this](const failure& why) {
      finish(exit_failed, why.detail + (why.code == errc::known ? advice_for_known() : ""));
    };
    on.heard = [this] {
      start_held();
      check_durable();
    };
    auto config = options_.uplink;
    config.sources = std::move(files_);
    uplink_ = std::make_unique<uplink>(io_, std::move(config), *spool_, *tls, std::move(on));
    return done{};
  }

  /// A source, and the spooler that moves its items into the spool in its own thread.
  struct feed {
    feed(std::string of,
         spool& to,
         std::unique_ptr<frame_source> from,
         const run_options& options,
         spooler::events on)
      : name{std::move(of)}, source{std::move(from)}, moves{to, *source, options.speed,
                                                            std::move(on), options.delay} {}
    std::string name;
    std::unique_ptr<frame_source> source;
    spooler moves;
    bool held = false;           // until a node had a chance to say that it has this file
    bool over = false;           // its thread has ended
    std::function<void()> asked; // to be called when its thread shows that it works
  };

  /// Files that are new to this spool are read once a node has welcomed their digests, or no node can be asked.
  void start_held() {
    if (!uplink_->protocol().tried())
      return;
    keep_files();
    for (auto& each : feeds_)
      if (std::exchange(each->held, false))
        each->moves.start();
  }

  /// Before the first item of a new file is in the spool: a later run, with a node, may not name the file.
  void keep_files() {
    if (new_files_.empty())
      return;
    if (auto ok = spool_->keep_files(new_files_); !ok)
      log::warn(log::spool, "files_unkept", {.error = ok.error().detail},
                "{}: {}; a later run does not compare the file with those that the node has",
                options_.spool.path, ok.error().detail);
    new_files_.clear();
  }

  /// Files of the spool that no node has claimed, behind those of the command line.
  result<done> add_kept_files() {
    if (options_.again) {
      auto forgotten = spool_->forget_files();
      return forgotten.code() == errc::full
               ? done{}
               : forgotten; // what waits for a node is sent all the same
    }
    const auto kept = spool_->kept_files();
    if (!kept)
      return kept.error();
    for (const auto& file : *kept)
      if (std::none_of(files_.begin(), files_.end(),
                       [&](const auto& named) { return named.digest == file.digest; })
          && files_.size() < proto::sources_max)
        files_.push_back(file);
    return done{};
  }

  [[nodiscard]] std::string advice_for_known() const {
    if (spool_->acked_seq() == spool_->last_seq())
      return "; nothing was sent, --again stores it once more";
    return "; nothing was sent. " + options_.spool.path
           + " holds its items: remove that file to drop them, or run with --again and without "
             "--from and --records to store them once more";
  }

  result<done> open_sources() {
    if (!options_.from.empty()) {
      const bool is_bus = options_.from.rfind("can:", 0) == 0;
      if (auto ok = is_bus ? open_buses() : open_log(); !ok)
        return ok;
    }
    if (options_.records.empty())
      return done{};
    return open_records();
  }

  void add_feed(const std::string& name, std::unique_ptr<frame_source> source) {
    spooler::events on;
    on.appended = [this] { asio::post(io_, [this] { uplink_->items_added(); }); };
    on.urgent = [this] { asio::post(io_, [this] { uplink_->hurry(); }); };
    on.warn = [](log::event what, const std::string& text) {
      log::warn(log::spool, what, {}, "{}", text);
    };
    on.ended = [this, which = feeds_.size()](const std::optional<failure>& why) {
      asio::post(io_, [this, which, why] { source_ended(which, why); });
    };
    on.alive = [this, which = feeds_.size()] {
      asio::post(io_, [this, which] { shows_life(which); });
    };
    liveness_.pass([this, which = feeds_.size()](auto back) {
      auto& asked = *feeds_[which];
      if (asked.held || asked.over)
        return back();
      asked.asked = std::move(back);
      asked.moves.ask_alive();
    });
    feeds_.push_back(
      std::make_unique<feed>(name, *spool_, std::move(source), options_, std::move(on)));
    ++sources_left_;
  }

  void shows_life(std::size_t which) {
    if (const auto back = std::exchange(feeds_[which]->asked, {}))
      back();
  }

  /// For the service manager, in one sentence.
  [[nodiscard]] std::string status() const {
    if (spool_ == nullptr || uplink_ == nullptr)
      return "starting";
    return standing() + (uplink_->protocol().streaming() ? ", connected to " : ", trying ")
           + uplink_->protocol().node();
  }

  result<done> open_buses() {
    auto opened = socketcan_source::open(split(options_.from.substr(4)));
    if (!opened)
      return opened.error();
    add_feed(options_.from, std::move(*opened));
    return done{};
  }

  result<done> open_log() {
    auto times = options_.times;
    times.warn = [this](const std::string& text) {
      log::warn(log::source, "times_doubtful", {}, "{}: {}", options_.from, text);
    };
    auto opened = log_source::open(
      options_.from, [this](const auto& line) { out_.bad_line(line); }, options_.speed > 0,
      std::move(times));
    if (!opened)
      return opened.error();
    return begin_reading(std::move(*opened), options_.from, "frames");
  }

  result<done> open_records() {
    const auto* kind = options_.record_kind ? &*options_.record_kind : nullptr;
    auto opened = record_source::open(options_.records, kind,
                                      [this](const auto& line) { out_.bad_line(line); });
    if (!opened)
      return opened.error();
    return begin_reading(std::move(*opened), options_.records, "records");
  }

  template <class Source>
  result<done>
  begin_reading(std::unique_ptr<Source> source, const std::string& path, const char* what) {
    const auto rows = spool_->sources();
    if (!rows)
      return rows.error();
    auto start = source->find_in(options_.again ? std::vector<source_row>{} : *rows);
    if (start.finished) {
      if (start.known)
        log::info(log::source, "source_known", {},
                  "{} is in the spool already, up to its end; --again reads it as new {}", path,
                  what);
      else
        log::info(log::source, "source_empty", {}, "{} is empty", path);
      (void)note_file(*source, path, start.known);
      judge(path, {start.row.line - start.row.bad_lines, start.row.bad_lines});
      return done{};
    }
    if (start.known)
      log::info(log::source, "source_continued", {}, "continuing {} after line {}", path,
                start.row.line);
    if (auto ok = source->start_at(start.row); !ok)
      return ok;
    const bool asked = note_file(*source, path, start.known);
    add_feed(path, std::move(source));
    feeds_.back()->held = asked;
    return done{};
  }

  /// What a spool has begun to send belongs to its stream; anything else may be stored already.
  template <class Source>
  bool note_file(const Source& source, const std::string& path, bool known) {
    if (options_.again || (known && spool_->acked_seq() > 0))
      return false;
    const bool is_name = path.size() <= proto::text_bytes_max && proto::is_clean_text(path);
    const auto digest = source.digest();
    if (digest)
      files_.push_back({*digest, is_name ? path : std::string{"a file"}});
    return digest.has_value();
  }

  template <class Then>
  void after(asio::steady_timer& timer, milliseconds delay, Then then) {
    timer.expires_after(delay);
    timer.async_wait([then](const boost::system::error_code& error) {
      if (!error)
        then();
    });
  }

  void maintain() {
    log::look();
    start_held();
    const auto more = spool_->maintain();
    const auto code = more.code();
    // No room for the deletion, or another tool reads the file: the next step may succeed.
    if (!more && code != errc::full && code != errc::locked)
      return finish(exit_failed, options_.spool.path + ": " + more.error().detail);
    after(maintain_, more && *more ? maintain_again : maintain_interval, [this] { maintain(); });
  }

  void report() {
    const auto acked = spool_->acked_seq();
    const auto now = steady_clock::now();
    const std::chrono::duration<double> passed = now - reported_at_;
    const auto gained = acked > reported_acked_ ? acked - reported_acked_ : 0;
    const auto rate = passed.count() > 0 ? static_cast<double>(gained) / passed.count() : 0;
    const auto text = standing() + "  " + grouped(static_cast<std::uint64_t>(rate)) + "/s  "
                      + (uplink_->protocol().streaming() ? "to " : "not connected, trying ")
                      + uplink_->protocol().node();
    if (out_.terminal())
      out_.progress(text);
    else if (reported_at_ != steady_clock::time_point{} && gained > 0)
      log::info(log::edge, "progress", {}, "{}", text);
    reported_at_ = now;
    reported_acked_ = acked;
    after(report_, out_.terminal() ? progress_interval_terminal : progress_interval_plain,
          [this] { report(); });
  }

  [[nodiscard]] std::string standing() const {
    return "spooled " + grouped(spool_->last_seq()) + "  durable " + grouped(spool_->acked_seq());
  }

  void source_ended(std::size_t which, const std::optional<failure>& why) {
    --sources_left_;
    feeds_[which]->over = true;
    shows_life(which);
    if (why)
      return finish(exit_failed, why->detail);
    judge(feeds_[which]->name, feeds_[which]->source->tally());
    uplink_->hurry(); // nothing follows that the last items could wait for
    uplink_->items_added();
    check_durable();
  }

  /// Input that could not be read is a failure, although what could be read is still sent.
  void judge(const std::string& name, const logs::input_tally& tally) {
    if (!tally.unreadable())
      return;
    read_all_ = false;
    log::error(log::source, "source_unreadable", {.count = tally.bad},
               "{}: {} of {} lines could not be read", name, grouped(tally.bad),
               grouped(tally.read + tally.bad));
  }

  void check_durable() {
    if (options_.until_durable && sources_left_ == 0 && spool_->acked_seq() == spool_->last_seq())
      finish(read_all_ ? exit_ok : exit_failed, {});
  }

  void time_out() {
    if (uplink_->protocol().ever_connected())
      finish(exit_timed_out, "timed out: " + standing());
    else
      finish(exit_cannot_connect,
             "cannot connect to " + uplink_->protocol().node() + ": " + standing());
  }

  void finish(int code, const std::string& why) {
    if (finished_)
      return;
    finished_ = true;
    exit_ = code;
    if (!why.empty() && code == exit_ok)
      log::info(log::edge, "gateway_stopped", {}, "{}", why);
    else if (!why.empty())
      log::error(log::edge, "gateway_failed", {}, "{}", why);
    liveness_.stopping(end_limit);
    io_.stop();
  }

  const run_options& options_;
  console& out_;
  config::in_force values_;
  const std::function<result<fresh_options>()> reread_;
  asio::io_context io_{1};
  asio::signal_set reloads_{io_};
  std::unique_ptr<spool> spool_;
  std::unique_ptr<uplink> uplink_;
  std::vector<std::unique_ptr<feed>> feeds_;
  std::vector<can::source_mark> files_;     // that the node is asked about
  std::vector<can::source_mark> new_files_; // of them, those that the spool has not kept yet
  asio::steady_timer maintain_{io_};
  asio::steady_timer report_{io_};
  asio::steady_timer timeout_{io_};
  liveness liveness_{io_, [this] { return status(); }};
  steady_clock::time_point reported_at_{};
  std::uint64_t reported_acked_ = 0;
  std::size_t sources_left_ = 0;
  bool read_all_ = true; // no source was unreadable
  bool finished_ = false;
  int exit_ = exit_ok;
};

} // namespace

int run(const fresh_options& first, console& out, std::function<result<fresh_options>()> reread) {
  return gateway{first, out, std::move(reread)}.run();
}

} // namespace furrow::edge
