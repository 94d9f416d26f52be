#include "tools/furrow/ask/event_reader.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

using watch_clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds again_min{500};
constexpr std::chrono::milliseconds again_max{5'000};
/// A node that starts again refuses for a while; who is refused longer is told.
constexpr std::chrono::seconds patience_after_news{30};

std::atomic<bool> watch_stopped{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void stop_watch(int /*signal*/) {
  watch_stopped = true;
}

struct watch_options {
  std::vector<std::string> machines;
  std::vector<std::string> signals;
  std::string area;
  std::string field;
  std::string frames;
  bool all_frames = false;
  double max_hz = 0;  // 0: the node's default
  double seconds = 0; // 0: until interrupted
};

std::string joined(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, ","));
}

std::string stream_target(const watch_options& wanted, const std::string& resume) {
  std::string target = "/api/v1/stream";
  const auto add = [&target](const char* name, const std::string& value) {
    if (!value.empty())
      target += (target.find('?') == std::string::npos ? '?' : '&') + std::string{name} + '='
                + encoded(value);
  };
  const bool frames = wanted.all_frames || !wanted.frames.empty();
  add("machines", joined(wanted.machines));
  // With frames and no signals named, only frames are shown.
  add("signals", wanted.signals.empty() && frames ? "none" : joined(wanted.signals));
  add("area", wanted.area);
  add("field", wanted.field);
  add("frames", wanted.frames.empty() && wanted.all_frames ? "all" : wanted.frames);
  if (wanted.max_hz > 0)
    add("max_hz", fmt::format("{}", wanted.max_hz));
  add("resume", resume);
  return target;
}

/// The time of day of a message, without the date.
std::string clock_of(const json& time) {
  const auto text = time.is_string() ? time.get<std::string>() : std::string{};
  const auto at = text.find('T');
  return at == std::string::npos ? text : text.substr(at + 1, 12);
}

std::string value_text(const json& value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_number_float())
    return plain_number(value.get<double>(), 7);
  return value.dump();
}

/// Prints messages as lines for people.
class line_printer {
public:
  bool take(const json& message) {
    const auto& type = message.at("type").get_ref<const std::string&>();
    bool wanted = true;
    if (type == "snapshot" || type == "delta")
      for (const auto& machine : message.at("machines"))
        wanted = wanted && machine_lines(clock_of(message.at("time")), machine);
    else if (type == "frames")
      for (const auto& frame : message.at("frames"))
        wanted = wanted && frame_line(message.at("machine").get<std::string>(), frame);
    else if (type == "dropped")
      fmt::print(stderr, "furrow: {} frames were dropped, because they came too fast\n",
                 message.at("frames").dump());
    return wanted;
  }

private:
  static bool line(const std::string& time, const std::string& machine, const std::string& what) {
    return write_out(
      fmt::format("{:<12}  {:<12}  {}\n", time, printable(machine), printable(what)));
  }

  static bool machine_lines(const std::string& time, const json& machine) {
    const auto name = machine.at("name").get<std::string>();
    if (machine.contains("gone"))
      return line(time, name,
                  machine["gone"] == "area" ? "has left the area" : "is not live any more");
    bool wanted = true;
    if (machine.contains("connected"))
      wanted = line(
        time, name,
        fmt::format("{} {}", machine["connected"] == true ? "is connected to" : "was connected to",
                    value_text(machine.value("node", json{}))));
    for (const char* part : {"values", "own_signals"}) {
      std::string what;
      const auto parts = machine.value(part, json::object());
      for (const auto& [key, value] : parts.items())
        if (value.is_object())
          what +=
            fmt::format("{}{}={}", what.empty() ? "" : " ", key, value_text(value.at("value")));
      if (!what.empty())
        wanted = wanted && line(time, name, what);
    }
    if (machine.contains("ledger"))
      wanted = wanted
               && line(time, name,
                       fmt::format("ledger: sent {} received {} durable {}",
                                   machine["ledger"].at("sent_seq").dump(),
                                   machine["ledger"].at("received_seq").dump(),
                                   machine["ledger"].at("durable_seq").dump()));
    for (const auto& fault : machine.value("faults", json::array()))
      wanted = wanted
               && line(time, name,
                       fmt::format("fault {}: SPN {}{} FMI {} ({}) of address {}",
                                   value_text(fault.at("event")), fault.at("spn").dump(),
                                   name_text(fault), fault.at("fmi").dump(),
                                   value_text(fault.at("meaning")), fault.at("source").dump()));
    return wanted;
  }

  /// The name of a frame or a fault after a blank; nothing where no definition knows it.
  static std::string name_text(const json& of) {
    const auto name = of.value("name", json(nullptr));
    return name.is_string() ? " " + value_text(name) : "";
  }

  static bool frame_line(const std::string& machine, const json& frame) {
    return line(clock_of(frame.at("time")), machine,
                fmt::format("{} {:>8} {:>6}  {}{}", value_text(frame.at("bus")),
                            value_text(frame.at("can_id")),
                            frame.at("pgn").is_null() ? "-" : frame.at("pgn").dump(),
                            value_text(frame.at("payload")), name_text(frame)));
  }
};

/// Reads the stream, and connects again when it ends.
class watcher {
public:
  watcher(const watch_options& wanted, output_format format) : wanted_{wanted}, format_{format} {}

  result<int> run(node_client& client) {
    const auto until = wanted_.seconds > 0 ? watch_clock::now()
                                               + std::chrono::duration_cast<watch_clock::duration>(
                                                 std::chrono::duration<double>{wanted_.seconds})
                                           : watch_clock::time_point::max();
    const auto over = [until] { return watch_stopped || watch_clock::now() >= until; };
    client.stop_when(over);
    for (auto pause = again_min; !over(); pause = std::min(pause * 2, again_max)) {
      const auto before = events_;
      reader_.reset();
      const auto ended =
        client.stream(stream_target(wanted_, last_id_), [this](std::string_view piece) {
          return reader_.take(piece, [this](const std::string& id, const std::string& data) {
            return take(id, data);
          });
        });
      if (over() || reader_gone_)
        break;
      const bool news = events_ != before;
      if (!ended && !may_retry(ended.error()))
        return ended.error();
      if (news)
        pause = again_min;
      fmt::print(stderr, "furrow: {}; connecting again\n",
                 ended ? "the node ended the stream" : ended.error().detail);
      const auto next = watch_clock::now() + pause;
      while (!over() && watch_clock::now() < next)
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    if (format_ == output_format::json)
      (void)write_out(events_ == 0 ? "[]\n" : "\n]\n");
    const auto all_written = written();
    if (!all_written)
      return all_written.error();
    return 0;
  }

private:
  [[nodiscard]] bool may_retry(const failure& why) const {
    if (events_ == 0 || why.code == errc::usage)
      return false;
    return why.code == errc::cannot_connect || why.code == errc::timed_out
           || watch_clock::now() - heard_ < patience_after_news;
  }

  bool take(const std::string& id, const std::string& data) {
    if (!id.empty())
      last_id_ = id;
    heard_ = watch_clock::now();
    ++events_;
    bool wanted = true;
    if (format_ == output_format::jsonl)
      wanted = write_out(data) && write_out("\n");
    else if (format_ == output_format::json)
      wanted = write_out(events_ == 1 ? "[\n" : ",\n") && write_out(data);
    else
      wanted = printer_.take(json::parse(data));
    reader_gone_ = !wanted;
    return wanted && !watch_stopped;
  }

  const watch_options& wanted_;
  output_format format_;
  event_reader reader_;
  line_printer printer_;
  std::string last_id_;
  std::uint64_t events_ = 0;
  watch_clock::time_point heard_{};
  bool reader_gone_ = false;
};

result<int> watch(const globals& globals, const watch_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  if (globals.format() == output_format::csv)
    return failure{errc::usage, "a stream of changes has no columns for csv (use -o jsonl)"};
  if (std::signal(SIGINT, stop_watch) == SIG_ERR || std::signal(SIGTERM, stop_watch) == SIG_ERR)
    return failure{errc::failed, "cannot handle signals"};
  return watcher{wanted, globals.format()}.run(*client);
}

} // namespace

void add_watch(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("watch", "show what changes of the machines, live");
  auto wanted = std::make_shared<watch_options>();
  command->add_option("MACHINE", wanted->machines, "names or patterns (T*); default: all machines");
  command
    ->add_option("--signals", wanted->signals,
                 "patterns of values: engine_*, EEC1.*, mode, ledger, signals of own DBC files")
    ->delimiter(',')
    ->allow_extra_args(false);
  command->add_option("--area", wanted->area, "only machines in a box: west,south,east,north");
  command->add_option("--field", wanted->field, "only machines in this field");
  command->add_flag("--frames", wanted->all_frames, "raw frames instead of values");
  command->add_option("--frames-of", wanted->frames,
                      "only these frames: a list of pgn:65226 and id:18FEF100");
  command->add_option("--max-hz", wanted->max_hz, "updates a second at most; default: 5")
    ->check(CLI::Range(0.1, 500.0));
  const std::map<std::string, double> units{{"ms", 0.001}, {"s", 1}, {"min", 60}, {"h", 3'600}};
  command->add_option("--for", wanted->seconds, "stop after this time, as 10s or 5min")
    ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE));
  command->footer(
    "Ends with Ctrl-C and exit code 0. A stream that ends is opened again where it ended.\n"
    "Examples:\n"
    "  furrow watch T1\n"
    "  furrow watch 'T*' --signals 'EEC1.*,mode' --for 10s\n"
    "  furrow watch T1 --frames-of pgn:65226 -o jsonl | jq .frames");
  command->callback(
    [&globals, &exit_code, wanted] { exit_code = code_of(watch(globals, *wanted)); });
}

} // namespace furrow::cli
