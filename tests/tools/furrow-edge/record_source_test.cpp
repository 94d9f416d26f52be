// Records into the spool: JSON lines and CSV, what is named as bad, and where reading goes on.
#include "can/records/body.hpp"
#include "can/records/rejected_line.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/source/record_source.hpp"
#include "tools/furrow-edge/source/spooler.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <future>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

const std::string header = "time,mass_flow_kgps,width_m,speed_mps,moisture_pct,crop\n";

std::string yield_row(int second, const std::string& rest = "7.25,9.1,1.8,13.5,wheat") {
  return "2026-05-01T06:30:" + std::to_string(10 + second) + "Z," + rest + "\n";
}

struct read_records {
  std::vector<can::record> records;
  std::vector<can::rejected_line> rejected; // lines that are none
  std::vector<std::string> told;
  std::string trouble;
  source_row progress;
};

read_records read_file(const std::string& path, const char* kind = "", int stop_after = -1) {
  read_records out;
  auto source = record_source::open(path, can::find_record_kind(kind),
                                    [&](const std::string& line) { out.told.push_back(line); });
  REQUIRE(source);
  source_frame frame;
  while (stop_after-- != 0 && (*source)->next(frame, 50ms) == source_status::frame) {
    REQUIRE(frame.record != nullptr);
    if (frame.record->kind == can::record_kind_rejected_line) {
      const auto line = can::read_rejected_line(frame.record->body);
      REQUIRE(line);
      out.rejected.push_back(*line);
    } else {
      out.records.push_back(*frame.record);
    }
    (*source)->taken();
  }
  out.trouble = (*source)->trouble();
  out.progress = (*source)->progress();
  return out;
}

/// Spools the whole file; the spooler's reason, when it had one to stop.
std::optional<edge::failure>
spool_file(spool& to, const std::string& path, const can::record_kind* kind) {
  auto source = record_source::open(path, kind, {});
  REQUIRE(source);
  const auto rows = to.sources();
  REQUIRE(rows);
  const auto start = (*source)->find_in(*rows);
  if (start.finished)
    return std::nullopt;
  REQUIRE((*source)->start_at(start.row));
  std::promise<std::optional<edge::failure>> ended;
  auto why = ended.get_future();
  spooler moves{to, **source, 0, {.appended = {}, .warn = {}, .ended = [&](const auto& how) {
                                    ended.set_value(how);
                                  }}};
  moves.start();
  REQUIRE(why.wait_for(20s) == std::future_status::ready);
  moves.stop();
  return why.get();
}

std::vector<can::record> records_in(spool& of) {
  std::vector<can::record> all;
  for (std::uint64_t seq = 1; seq <= of.last_seq();) {
    for (const auto& block : blocks_from(of, seq)) {
      const auto group = decoded(block);
      const auto& records = std::get<std::vector<can::record>>(group);
      all.insert(all.end(), records.begin(), records.end());
      seq = block.seq_last() + 1;
    }
  }
  return all;
}

std::unique_ptr<spool> open_record_spool(const scratch_folder& folder) {
  spool_options options;
  options.path = folder.file("t1.spool");
  options.equipment = "T1";
  auto opened = spool::open(options, {});
  REQUIRE(opened);
  return std::move(*opened);
}

} // namespace

TEST_CASE("records: CSV and JSON lines give the same records") {
  const scratch_folder folder;
  const auto csv =
    folder.write("day.csv", "\xEF\xBB\xBF" + header + yield_row(0) + "\r\n"
                              + yield_row(1, "7.25,9.1,1.8,,\"wheat, \"\"old\"\"\""));
  const auto json = folder.write(
    "day.jsonl",
    R"({"mass_flow_kgps":7.25,"width_m":9.1,"speed_mps":1.8,"moisture_pct":13.5,"crop":"wheat","time":"2026-05-01T06:30:10Z","kind":"yield"}

{"kind":"yield","time":1777617011,"crop":"wheat, \"old\"","mass_flow_kgps":7.25,"width_m":9.1,"moisture_pct":null,"speed_mps":1.8})");
  const auto from_csv = read_file(csv, "yield");
  const auto from_json = read_file(json);
  CHECK(from_csv.told.empty());
  CHECK(from_json.told.empty());
  REQUIRE(from_csv.records.size() == 2);
  CHECK(from_csv.records == from_json.records);
  CHECK(from_csv.records[0].kind == can::record_kind_yield);
  CHECK(from_csv.records[0].time_us == 1'777'617'010'000'000);
  CHECK(
    from_csv.records[0].body
    == R"({"mass_flow_kgps":7.25,"moisture_pct":13.5,"width_m":9.1,"speed_mps":1.8,"crop":"wheat"})");
  for (const auto& record : from_json.records)
    CHECK_FALSE(can::refusal_of(record));
}

TEST_CASE("records: a CSV may have a column for the kind, and empty cells are absent") {
  const scratch_folder folder;
  const auto path =
    folder.write("mixed.csv", "kind,time,spn,fmi,source,active,agent,model,prompt_tokens,"
                              "completion_tokens\n"
                              "fault,1777617000,190,2,3,true,,,,\n"
                              "tokens,1777617000.5,,,,,scout,m-1,12,3\n"
                              "tokens,1777617000.5,190,,,,scout,m-1,12,3\n");
  const auto read = read_file(path);
  REQUIRE(read.records.size() == 2);
  CHECK(read.records[0].body == R"({"source":3,"spn":190,"fmi":2,"active":true})");
  CHECK(read.records[1].time_us == 1'777'617'000'500'000);
  REQUIRE(read.told.size() == 1);
  CHECK(read.told[0] == path + ":4:21: spn: tokens has no such field");
}

TEST_CASE("records: reports each bad line with place, field and limit, and continues") {
  const scratch_folder folder;
  const auto path = folder.write(
    "day.csv", header + yield_row(0) + yield_row(1, "7.25,9.1,1.8,130,wheat")
                 + yield_row(2, ",9.1,1.8,13,wheat") + "yesterday,7.25,9.1,1.8,13.5,wheat\n"
                 + yield_row(3, "7.25,9.1") + yield_row(4, "7.25,9.1,x,1,\"wheat")
                 + yield_row(5, "7.25,9.1,1,1,\"a\"b") + yield_row(6, "7.25,9.1,1,1,\xFF")
                 + "1900-01-01T00:00:00Z,1,1,1,1,w\n" + yield_row(7));
  const auto read = read_file(path, "yield");
  CHECK(read.records.size() == 2);
  const std::vector<std::string> wanted{
    ":3:35: moisture_pct: 130 is not within 0 to 100 %",
    ":4:1: mass_flow_kgps: is missing",
    ":5:1: time: a time is 2026-05-01T06:30:00.25Z or seconds since 1970",
    ":6:30: 3 cells, the header has 6",
    ":7:35: the quote does not end on this line",
    ":8:38: there is text after the closing quote",
    ":9:1: the line must be UTF-8 text without NUL",
    ":10:1: time: -2208988800000000 us is not within 1970 to 2099"};
  REQUIRE(read.told.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    CHECK(read.told[i] == path + wanted[i]);
  CHECK(read.progress.bad_lines == wanted.size());
  REQUIRE(read.rejected.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    CHECK(read.rejected[i].reason == read.told[i]);
  CHECK(read.rejected[0].bytes + "\n" == yield_row(1, "7.25,9.1,1.8,130,wheat"));
  CHECK(read.rejected[6].bytes + "\n" == yield_row(6, "7.25,9.1,1,1,\xFF"));

  const auto lines = folder.write(
    "day.jsonl", "{\"kind\":\"tractor\",\"time\":1}\n"
                 "{\"time\":1}\n"
                 "{\"kind\":\"yield\",\"time\":true}\n"
                 "{\"kind\":\"yield\",\"time\":1,\"time\":2}\n"
                 "{\"kind\":\"yield\",\"time\":1,\"equipment\":\"T2\"}\n"
                 "{\"kind\":\"yield\",\"mass_flow_kgps\":[1]}\n"
                 "{\"kind\":\"yield\"\n"
                 "[]\n"
                   + std::string(70'000, '{') + "\n"
                   + R"({"kind":"fault","time":1,"source":3,"spn":1,"fmi":2,"active":true})");
  const auto told = read_file(lines).told;
  REQUIRE(told.size() == 9);
  CHECK(told[0] == lines + ":1:9: kind: \"tractor\" is not one of sensor, yield, tokens, fault");
  CHECK(told[1] == lines + ":2:1: kind is missing: one of sensor, yield, tokens, fault");
  CHECK(told[2].starts_with(lines + ":3:24: time: "));
  CHECK(told[3] == lines + ":4:26: time: is given twice");
  CHECK(told[4] == lines + ":5:26: \"equipment\": yield has no such field");
  CHECK(told[5] == lines + ":6:34: mass_flow_kgps: an object or a list where a number is wanted");
  CHECK(told[6] == lines + ":7:16: a comma or } is missing");
  CHECK(told[8] == lines + ":9:65537: the line is longer than 65536 bytes");
  CHECK(read_file(lines).records.size() == 1);
}

TEST_CASE(
  "records: kinds of one's own are named by their number, and keep their members as written") {
  const scratch_folder folder;
  const auto path = folder.write(
    "own.jsonl",
    R"({"kind":77,"time":1,"big":123456789012345678901234567890,"a": "x, }" , "t":true,"n":null})"
    "\n"
    R"({"time":2,"kind":"77"})"
    "\n"
    R"({"kind":16386,"time":1777617010,"mass_flow_kgps":7.25,"width_m":9,"speed_mps":1.8})"
    "\n"
    R"({"kind":77,"time":1,"list":[1]})"
    "\n"
    R"({"kind":77})"
    "\n"
    R"({"kind":20000,"time":1})"
    "\n");
  const auto read = read_file(path);
  REQUIRE(read.records.size() == 3);
  CHECK(read.records[0].kind == 77);
  CHECK(read.records[0].time_us == 1'000'000);
  CHECK(read.records[0].body
        == R"({"big":123456789012345678901234567890,"a": "x, }","t":true,"n":null})");
  CHECK(read.records[1].kind == 77);
  CHECK(read.records[1].body == "{}");
  CHECK(read.records[2].kind == can::record_kind_yield); // a known kind by its number
  REQUIRE(read.told.size() == 3);
  CHECK(read.told[0] == path + ":4:28: list: must not be an object or a list");
  CHECK(read.told[1].starts_with(path + ":5:11: time: is missing"));
  CHECK(read.told[2].starts_with(path + ":6:9: kind: \"20000\" is not one of "));

  const auto csv =
    folder.write("own.csv", "time,depth_cm,note,wet\n1777617010,12.50,\"a, b\",true\n"
                            "1777617011,,,\n");
  const auto own = record_lines::kind_named("77");
  REQUIRE(own);
  auto source = record_source::open(csv, &*own, {});
  REQUIRE(source);
  source_frame frame;
  REQUIRE((*source)->next(frame, 0ms) == source_status::frame);
  CHECK(frame.record->kind == 77);
  CHECK(frame.record->body == R"({"depth_cm":12.50,"note":"a, b","wet":true})");
  REQUIRE((*source)->next(frame, 0ms) == source_status::frame);
  CHECK(frame.record->body == "{}");
  for (const auto* bad : {"", "16384", "32767", "-1", "7x", "harvest"})
    CHECK_FALSE(record_lines::kind_named(bad));
}

TEST_CASE("records: an invalid header ends the reading and reports its place") {
  const scratch_folder folder;
  const auto trouble = [&](const std::string& first, const char* kind = "yield") {
    const auto path = folder.write("h.csv", first + "\n" + yield_row(0));
    const auto read = read_file(path, kind);
    CHECK(read.records.empty());
    REQUIRE(read.trouble.starts_with(path));
    return read.trouble.substr(path.size());
  };
  CHECK(trouble("time,mass_flow,width_m")
        == ":1:6: \"mass_flow\" is not a field of yield: the first line must name time, kind and "
           "fields");
  CHECK(trouble("time,width_m,width_m") == ":1:14: the column \"width_m\" appears twice");
  CHECK(trouble("width_m,speed_mps") == ":1:1: there is no column \"time\"");
  CHECK(trouble("time,width_m", "") == ":1:1: there is no column \"kind\": add it, or give --kind");
}

TEST_CASE("records: continues after the last spooled record, with the header") {
  const scratch_folder folder;
  std::string text = header;
  for (int i = 0; i < 20; ++i)
    text += yield_row(i);
  const auto path = folder.write("day.csv", text);
  const auto* kind = can::find_record_kind("yield");
  {
    auto spool = open_record_spool(folder);
    CHECK_FALSE(spool_file(*spool, path, kind));
    CHECK(spool->last_seq() == 20);
    CHECK_FALSE(spool_file(*spool, path, kind)); // nothing new
    CHECK(spool->last_seq() == 20);
  }
  std::ofstream{path, std::ios::app} << yield_row(20) << "bad\n" << yield_row(21);
  auto spool = open_record_spool(folder);
  CHECK_FALSE(spool_file(*spool, path, kind));
  CHECK(spool->last_seq() == 23);
  CHECK(spool->sources()->back().bad_lines == 1);
  auto all = records_in(*spool);
  CHECK(
    std::erase_if(all, [](const auto& one) { return one.kind == can::record_kind_rejected_line; })
    == 1);
  REQUIRE(all.size() == 22);
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(all[i].time_us == 1'777'617'010'000'000 + static_cast<std::int64_t>(i) * 1'000'000);
}

TEST_CASE("records: half a line at the end of a file waits for its end; a JSON object is whole") {
  const scratch_folder folder;
  const auto csv =
    folder.write("day.csv", header + yield_row(0) + "2026-05-01T06:30:11Z,7.25,9.1,1.8,13.5,whe");
  const auto half = read_file(csv, "yield");
  CHECK(half.records.size() == 1);
  REQUIRE(half.told.size() == 1);
  CHECK(half.told[0].starts_with(csv + ":3:1: the last line has no line end"));
  CHECK(half.progress.bad_lines == 0);
  CHECK(half.progress.line == 2);

  const std::string object =
    R"({"kind":"fault","time":1,"source":3,"spn":1,"fmi":2,"active":true})";
  for (std::size_t cut = 1; cut < object.size(); ++cut)
    CHECK(read_file(folder.write("f.jsonl", object.substr(0, cut))).records.empty());
  const auto whole = read_file(folder.write("f.jsonl", object));
  CHECK(whole.records.size() == 1);
  CHECK(whole.told.empty());
  CHECK(whole.progress.offset == object.size());
}

TEST_CASE("records: sends many short records in messages that a node accepts") {
  const scratch_folder folder;
  std::string text = "kind,time,source,spn,fmi,active\n";
  for (int i = 0; i < 20'000; ++i)
    text += "fault," + std::to_string(i) + ",3,1,2,true\n";
  auto spool = open_record_spool(folder);
  CHECK_FALSE(spool_file(*spool, folder.write("faults.csv", text), nullptr));
  CHECK(spool->last_seq() == 20'000);
  for (const auto& block : blocks_from(*spool, 1)) {
    CHECK(block.count <= spooler::block_records_max);
    CHECK(proto::holds_records(*block.bytes));
  }
  CHECK_FALSE(proto::holds_records(proto::encode_items(numbered_frames(1, 10))));
}
