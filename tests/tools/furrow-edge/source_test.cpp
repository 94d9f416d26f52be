// Logs into the spool: what is named as bad, and where reading goes on.
#include "tests/support/data.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/source/log_source.hpp"
#include "tools/furrow-edge/source/socketcan_source.hpp"
#include "tools/furrow-edge/source/spooler.hpp"
#include "tools/furrow-edge/uplink/connection.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <linux/can.h>
#include <unistd.h>

#include <condition_variable>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

/// Everything a source gives until it ends.
struct taken {
  std::vector<std::uint32_t> ids;
  std::vector<std::string> interfaces;
  source_status last = source_status::quiet;
};

taken take_all(frame_source& source) {
  taken out;
  source_frame frame;
  while ((out.last = source.next(frame, 50ms)) == source_status::frame) {
    out.ids.push_back(frame.header.id());
    out.interfaces.emplace_back(frame.interface);
    source.taken();
  }
  return out;
}

std::unique_ptr<log_source> open_log(const std::string& path,
                                     std::vector<std::string>* told = nullptr) {
  auto source = log_source::open(path, [told](const std::string& line) {
    if (told != nullptr)
      told->push_back(line);
  });
  REQUIRE(source);
  return std::move(*source);
}

/// Runs a spooler until its source has ended.
class spooling {
public:
  spooling(spool& to, frame_source& from, double speed = 0)
    : spooler_{to,
               from,
               speed,
               {.appended = {},
                .warn = [this](log::event, const std::string& text) { told(text); },
                .ended = [this](const auto& why) { ended(why); }}} {
    spooler_.start();
  }
  std::optional<edge::failure> wait() {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, 20s, [this] { return ended_; }));
    return why_;
  }
  void wait_for_warning() {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, 20s, [this] { return !warnings_.empty(); }));
  }
  std::vector<std::string> warnings() {
    const std::lock_guard lock{mutex_};
    return warnings_;
  }
  spooler& get() { return spooler_; }

private:
  void told(const std::string& text) {
    const std::lock_guard lock{mutex_};
    warnings_.push_back(text);
    changed_.notify_all();
  }
  void ended(const std::optional<edge::failure>& why) {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    why_ = why;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::optional<edge::failure> why_;
  std::vector<std::string> warnings_;
  spooler spooler_; // last: its thread uses the rest
};

std::unique_ptr<spool> open_spool(const scratch_folder& folder,
                                  std::uint64_t bytes_max = 1U << 30U) {
  auto opened =
    spool::open({.path = folder.file("t1.spool"), .equipment = "T1", .bytes_max = bytes_max}, {});
  REQUIRE(opened);
  return std::move(*opened);
}

std::vector<std::uint32_t> ids_in(spool& from) {
  std::vector<std::uint32_t> ids;
  for (auto next = from.state().first_seq; next <= from.last_seq();)
    for (const auto& block : blocks_from(from, next)) {
      const auto frames = std::get<can::frame_block>(decoded(block));
      for (std::size_t i = 0; i < frames.size(); ++i)
        ids.push_back(frames.header(i).id());
      next = block.seq_last() + 1;
    }
  return ids;
}

/// As the program does: known files go on, new ones begin.
std::unique_ptr<log_source> start_log(spool& of, const std::string& path) {
  auto source = open_log(path);
  const auto start = source->find_in(*of.sources());
  REQUIRE(source->start_at(start.row));
  return source;
}

} // namespace

TEST_CASE("log source: reports invalid lines by file, line and column, and continues") {
  scratch_folder folder;
  const auto path = folder.write(
    "a.log", numbered_log(1, 2) + "(1.0) can0 123#XY\n" + numbered_log(3, 1) + "\nwhat is this\n"
               + numbered_log(4, 1) + "(1547753403.715009) can0 18EEFF\n");
  std::vector<std::string> told;
  const auto source = open_log(path, &told);
  const auto all = take_all(*source);
  CHECK(all.last == source_status::end);
  CHECK(all.ids == std::vector<std::uint32_t>{1, 2, 3, 4});
  REQUIRE(told.size() == 3);
  CHECK(told[0].rfind(path + ":3:", 0) == 0);
  CHECK(told[1].rfind(path + ":6:", 0) == 0);
  CHECK(told[2].rfind(path + ":8:", 0) == 0);
  CHECK(source->progress().bad_lines == 3);
  CHECK(source->progress().offset == std::filesystem::file_size(path));
}

TEST_CASE("log source: only counts bad lines after the first twenty") {
  scratch_folder folder;
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += "nonsense\n" + numbered_log(static_cast<std::uint64_t>(i) + 1, 1);
  std::vector<std::string> told;
  const auto source = open_log(folder.write("a.log", text), &told);
  CHECK(take_all(*source).ids.size() == 1'000);
  REQUIRE(told.size() == 21);
  CHECK(told.back().find("980") != std::string::npos);
  CHECK(source->progress().bad_lines == 1'000);
}

TEST_CASE("log source: an endless line is one bad line and takes no memory") {
  scratch_folder folder;
  std::vector<std::string> told;
  const auto source =
    open_log(folder.write("a.log", numbered_log(1, 1) + std::string(3'000'000, 'x') + "\n"
                                     + numbered_log(2, 1)),
             &told);
  CHECK(take_all(*source).ids == std::vector<std::uint32_t>{1, 2});
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("a.log:2:") != std::string::npos);
}

TEST_CASE("log source: reads standard input and pipes as data arrives") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int before = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  const auto source = open_log("-");
  ::dup2(before, STDIN_FILENO);
  source_frame frame;
  CHECK(source->next(frame, 1ms) == source_status::quiet);
  const auto text = numbered_log(1, 2);
  REQUIRE(::write(ends[1], text.data(), text.size() - 5) > 0); // the second line in two parts
  CHECK(source->next(frame, 1s) == source_status::frame);
  CHECK(source->next(frame, 1ms) == source_status::quiet);
  REQUIRE(::write(ends[1], text.data() + text.size() - 5, 5) == 5);
  CHECK(source->next(frame, 1s) == source_status::frame);
  CHECK(frame.header.id() == 2);
  ::close(ends[1]);
  CHECK(source->next(frame, 1s) == source_status::end);
  ::close(ends[0]);
  ::close(before);
}

TEST_CASE("log source: reports an unreadable file in one line") {
  CHECK(log_source::open("/nowhere/a.log", {}).code() == errc::missing);
  CHECK(log_source::open("/tmp", {}).code() == errc::missing);
}

TEST_CASE("spooler: continues a file exactly where the spool says, wherever it was killed") {
  // A kill -9 leaves the spool of the last commit. Each copy reads the rest of the log.
  scratch_folder folder;
  const auto path =
    folder.write("a.log", numbered_log(1, 5'000) + "nonsense\n" + numbered_log(5'001, 15'000));
  std::vector<std::string> copies;
  {
    const auto whole = open_spool(folder);
    const auto source = start_log(*whole, path);
    source_frame frame;
    can::frame_block block;
    while (source->next(frame, 0ms) == source_status::frame) {
      REQUIRE(block.push(frame.time_us, frame.header, frame.data));
      source->taken();
      if (block.size() < 1'777)
        continue;
      const std::vector<encoded_group> groups{encoded(block)};
      const std::vector<can::bus_name> buses{{0, "can0"}};
      REQUIRE(whole->append(groups, copies.empty() ? buses : std::vector<can::bus_name>{},
                            &source->progress()));
      block.clear();
      copies.push_back(folder.file("copy" + std::to_string(copies.size())));
      for (const auto* ending : {"", "-wal"})
        std::filesystem::copy_file(folder.file("t1.spool") + ending, copies.back() + ending);
    }
  }
  REQUIRE(copies.size() == 11);
  for (const auto& copy : copies) {
    auto opened = spool::open({.path = copy, .equipment = "T1"}, {});
    REQUIRE(opened);
    const auto source = start_log(**opened, path);
    spooling run{**opened, *source};
    CHECK_FALSE(run.wait());
    const auto ids = ids_in(**opened);
    REQUIRE(ids.size() == 20'000);
    for (std::size_t i = 0; i < ids.size(); ++i)
      REQUIRE(ids[i] == i + 1);
    CHECK((*opened)->sources()->front().bad_lines == 1);
    CHECK((*opened)->sources()->size() == 1);
  }
}

TEST_CASE(
  "log source: continues a log of any format in its middle, with the same result as one reading") {
  for (const auto format : {can::log_format::candump, can::log_format::asc, can::log_format::trc,
                            can::log_format::ydwg}) {
    for (const bool paced : {false, true}) {
      CAPTURE(can::to_string(format));
      scratch_folder folder;
      std::string text;
      can::log_writer writer{format};
      const auto frames = numbered_frames(0x18FEF100, 300);
      for (std::size_t i = 0; i < frames.size(); ++i) {
        auto frame = frames[i];
        frame.time_us += 1'700'000'000'000'000;
        const std::array<std::uint8_t, 8> data{1, 2, 3};
        frame.header = can::pack({.id = frame.header.id(), .extended = true, .length = 8});
        frame.data = data.data();
        REQUIRE(writer.append(text, frame, "can0") == nullptr);
      }
      writer.finish(text);
      const auto path = folder.write("any.log", text);
      const auto times_of = [](frame_source& source, std::size_t count) {
        std::vector<std::int64_t> times;
        source_frame frame;
        while (times.size() < count && source.next(frame, 0ms) == source_status::frame) {
          times.push_back(frame.time_us);
          source.taken();
        }
        return times;
      };
      const auto whole = times_of(*open_log(path), 1'000);
      REQUIRE(whole.size() == 300);
      for (const std::size_t cut : {1U, 7U, 150U, 299U}) {
        auto first = log_source::open(path, {}, paced);
        REQUIRE(first);
        auto times = times_of(**first, cut);
        source_frame at_hand;
        if (paced) // the frame was read and not taken, so it must come again
          REQUIRE((*first)->next(at_hand, 0ms) == source_status::frame);
        const auto second = open_log(path);
        REQUIRE(second->start_at((*first)->progress()));
        const auto rest = times_of(*second, 1'000);
        times.insert(times.end(), rest.begin(), rest.end());
        CHECK(times == whole);
      }
    }
  }
}

TEST_CASE("spooler: recognises a file that was moved or has grown, and no other file") {
  scratch_folder folder;
  const auto spool = open_spool(folder);
  const auto path = folder.write("a.log", numbered_log(1, 500));
  {
    const auto source = start_log(*spool, path);
    spooling run{*spool, *source};
    CHECK_FALSE(run.wait());
  }
  const auto rows = *spool->sources();
  CHECK(open_log(path)->find_in(rows).finished);
  CHECK(open_log(folder.write("moved.log", numbered_log(1, 500)))->find_in(rows).finished);
  const auto grown = open_log(folder.write("a.log", numbered_log(1, 700)))->find_in(rows);
  CHECK(grown.known);
  CHECK_FALSE(grown.finished);
  CHECK_FALSE(open_log(folder.write("other.log", numbered_log(2, 700)))->find_in(rows).known);
  CHECK_FALSE(open_log(folder.write("shorter.log", numbered_log(1, 400)))->find_in(rows).known);
  CHECK_FALSE(open_log(folder.write("changed.log", numbered_log(1, 400) + numbered_log(9, 300)))
                ->find_in(rows)
                .known);
  CHECK(open_log(folder.write("empty.log", ""))->find_in(rows).finished);
  {
    const auto source = start_log(*spool, path);
    spooling run{*spool, *source};
    CHECK_FALSE(run.wait());
  }
  CHECK(ids_in(*spool).size() == 700);
}

TEST_CASE("spooler: stores real logs frame by frame as they are in the file") {
  for (const auto* name :
       {"j1939/jd5055e/idle10sec.candump.log", "j1939/jd5055e/tractoronSitUp.candump.log"}) {
    const auto path = data_file(name);
    if (!path)
      continue;
    scratch_folder folder;
    const auto spool = open_spool(folder);
    const auto source = start_log(*spool, path->string());
    spooling run{*spool, *source};
    CHECK_FALSE(run.wait());
    std::string text;
    for (std::uint64_t next = 1; next <= spool->last_seq();)
      for (const auto& block : blocks_from(*spool, next)) {
        const auto frames = std::get<can::frame_block>(decoded(block));
        for (std::size_t i = 0; i < frames.size(); ++i)
          can::append_candump(text, frames[i], "can0");
        next = block.seq_last() + 1;
      }
    CHECK(text == read_file(*path));
  }
}

TEST_CASE("spooler: numbers each bus once; one bus too many is a bad line") {
  scratch_folder folder;
  std::string text;
  for (std::uint64_t bus = 0; bus < 258; ++bus)
    text += numbered_log(bus + 1, 1, "can" + std::to_string(bus));
  const auto spool = open_spool(folder);
  const auto source = start_log(*spool, folder.write("a.log", text));
  spooling run{*spool, *source};
  CHECK_FALSE(run.wait());
  CHECK(spool->last_seq() == 256);
  CHECK(spool->bus_count() == 256);
  CHECK(spool->state().buses[255].name == "can255");
  CHECK(spool->sources()->front().bad_lines == 2);
}

TEST_CASE("spooler: without room a log waits, reports it once, and continues when there is room") {
  scratch_folder folder;
  const auto spool = open_spool(folder, 200'000);
  const auto source = start_log(*spool, folder.write("a.log", numbered_log(1, 60'000)));
  spooling run{*spool, *source};
  run.wait_for_warning();
  const auto held = spool->last_seq();
  CHECK(held < 60'000);
  // Acked items make room, until all items are sent.
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  std::uint64_t checked = 0;
  while (checked < 60'000 && std::chrono::steady_clock::now() < deadline) {
    for (auto next = checked + 1; next <= spool->last_seq();)
      for (const auto& block : blocks_from(*spool, next)) {
        const auto frames = std::get<can::frame_block>(decoded(block));
        for (std::size_t i = 0; i < frames.size(); ++i)
          REQUIRE(frames.header(i).id() == ++checked);
        next = block.seq_last() + 1;
      }
    spool->acknowledge(checked);
    REQUIRE(spool->maintain());
    std::this_thread::yield();
  }
  CHECK(checked == 60'000);
  CHECK_FALSE(run.wait());
  const auto warnings = run.warnings();
  CHECK(warnings.size() % 2 == 0); // none, room again, none, ...
  CHECK(warnings[1].find("again") != std::string::npos);
}

TEST_CASE("spooler: without room a live bus continues, and refused frames are counted") {
  struct bus final : frame_source {
    std::atomic<std::uint32_t> given = 0;
    std::atomic<bool> silent = false;
    std::atomic<bool> over = false;
    source_row row;
    std::string none;
    source_status next(source_frame& out, std::chrono::milliseconds /*patience*/) override {
      if (over)
        return source_status::end;
      if (silent)
        return source_status::quiet;
      out = {1, can::pack({.id = ++given, .extended = true}), "can0", nullptr};
      return source_status::frame;
    }
    void taken() override {}
    source_row& progress() override { return row; }
    bool live() const override { return true; }
    void refuse(const char* /*why*/) override { ++row.refused; }
    const std::string& trouble() const override { return none; }
  };
  scratch_folder folder;
  const auto spool = open_spool(folder, 100'000);
  bus live;
  {
    spooling run{*spool, live};
    run.wait_for_warning();
    const auto at = live.given.load();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (live.given < at + 1'000 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    spool->acknowledge(spool->last_seq());
    live.silent = true;
    const auto saved_at = std::chrono::steady_clock::now() + 20s;
    while (spool->sources()->front().refused + spool->last_seq() < live.given
           && std::chrono::steady_clock::now() < saved_at) {
      spool->acknowledge(spool->last_seq());
      REQUIRE(spool->maintain());
      std::this_thread::yield();
    }
    live.over = true;
    CHECK_FALSE(run.wait());
    CHECK(run.warnings().size() % 2 == 0); // none, room again, none, ...
  }
  CHECK(live.row.refused >= 900);
  CHECK(spool->sources()->front().refused + spool->last_seq() == live.given);
}

TEST_CASE(
  "replay pace: frames are due at their times divided by the speed; steps back cause no wait") {
  const replay_pace::time_point start{1h};
  replay_pace tenfold{10};
  CHECK(tenfold.due(5'000'000, start) == start);
  CHECK(tenfold.due(6'000'000, start) == start + 100ms);
  CHECK(tenfold.due(3'000'000, start) == start + 100ms);
  CHECK(tenfold.due(4'000'000, start) == start + 200ms);
  replay_pace at_once{0};
  CHECK(at_once.due(0, start) == start);
  CHECK(at_once.due(1'000'000'000, start) == start);
}

TEST_CASE("socketcan source: a kernel's frame gets the same header as its log line") {
  canfd_frame frame{};
  frame.can_id = 0x18FEF100U | CAN_EFF_FLAG;
  frame.len = 8;
  auto header = header_of(frame, false, false);
  CHECK(header.id() == 0x18FEF100);
  CHECK(header.extended());
  CHECK(header.length() == 8);
  CHECK(header.direction() == can::frame_direction::received);
  frame.__res1 = 15;
  CHECK(header_of(frame, false, false).nibble() == 15);
  frame.can_id = 0x123U | CAN_RTR_FLAG;
  frame.__res1 = 0;
  header = header_of(frame, false, true);
  CHECK(header.remote());
  CHECK(header.direction() == can::frame_direction::sent);
  frame.can_id = CAN_ERR_FLAG | 4U;
  CHECK(header_of(frame, false, false).error());
  frame.can_id = 0x7FF;
  frame.len = 64;
  frame.flags = CANFD_BRS;
  header = header_of(frame, true, false);
  CHECK(header.kind() == can::frame_kind::fd);
  CHECK(header.length() == 64);
  CHECK(header.nibble() == CANFD_BRS);
  CHECK(can::fault_of(header) == can::frame_fault::none);
}

TEST_CASE("socketcan source: reports a missing interface or a kernel without CAN in one line") {
  CHECK(socketcan_source::open({}).code() == errc::usage);
  const auto none = socketcan_source::open({"nocan7"});
  REQUIRE_FALSE(none);
  CHECK(none.error().detail.find("nocan7") != std::string::npos);
  CHECK(none.error().detail.find('\n') == std::string::npos);
}
