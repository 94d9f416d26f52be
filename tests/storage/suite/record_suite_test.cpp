// Records in both databases: built into storage_tests and storage_pg_tests.
#include "storage/identity/identities.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "tests/storage/suite/record_bed.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

TEST_CASE("records: each known kind goes to its table with the fields as columns, in order") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  for (const auto& kind : can::record_kinds()) {
    std::string wanted = "stream,seq,equipment_id,time";
    for (const auto& field : kind.fields)
      wanted.append(",").append(field.name);
    for (const auto& field : kind.fields)
      if (field.type == can::field_type::amount)
        wanted.append(",").append(field.name).append("_fraction");
    const auto table = std::string{kind.table};
    CHECK(bed->value(is_postgres(*bed)
                       ? "select string_agg(column_name, ',' order by ordinal_position) from "
                         "information_schema.columns where table_name = '"
                           + table + "'"
                       : "select group_concat(name) from pragma_table_info('" + table + "')")
          == wanted);
    for (const auto& field : kind.fields)
      CHECK(bed->value(is_postgres(*bed)
                         ? "select case is_nullable when 'NO' then 1 else 0 end from "
                           "information_schema.columns where table_name = '"
                             + table + "' and column_name = '" + std::string{field.name} + "'"
                         : "select \"notnull\" from pragma_table_info('" + table
                             + "') where name = '" + std::string{field.name} + "'")
            == (field.required ? "1" : "0"));
  }
}

TEST_CASE("records: fractions of tokens come back, and are summed by agent, model and day") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  const auto used = [](const std::string& agent, const std::string& tokens) {
    return R"({"agent":")" + agent + R"(","model":"m","prompt_tokens":)" + tokens
           + R"(,"completion_tokens":1,"cost_usd":0.5})";
  };
  constexpr std::int64_t day_s = 86'400;
  REQUIRE(
    append(*lane, {append_records(claimed, 0,
                                  {record_at(0, can::record_kind_tokens, used("a", "1200.25")),
                                   record_at(1, can::record_kind_tokens, used("a", "0.5")),
                                   record_at(2, can::record_kind_tokens, used("b", "7")),
                                   record_at(day_s, can::record_kind_tokens, used("a", "1e12")),
                                   record_at(3, can::record_kind_tokens, used("a", "2.0"))})}));
  CHECK(quarantined(*store).empty());
  const auto field = *can::find_field(*can::find_record_kind("tokens"), "prompt_tokens");
  can::record_values read;
  for (const auto& row : page_of(*store, can::record_kind_tokens).rows)
    read.push_back(row.values.at(field));
  CHECK(read
        == can::record_values{1200.25, 0.5, std::int64_t{7}, std::int64_t{2},
                              std::int64_t{1'000'000'000'000}});
  const std::string sums =
    is_postgres(*bed)
      ? "select string_agg(agent || ' ' || to_char(day at time zone 'UTC', 'DD') || ' ' || records "
        "|| ' ' || prompt_tokens || ' ' || cost_usd, ', ' order by agent, day) from "
        "furrow.token_sums('-infinity', 'infinity')"
      : "select group_concat(agent || ' ' || strftime('%d', day / 1000000, 'unixepoch') || ' ' || "
        "records || ' ' || prompt_tokens || ' ' || cost_usd, ', ') from (select * from token_sums "
        "order by agent, day)";
  const auto said = bed->value(sums);
  CHECK((said == "a 01 3 1202.75 1.5, a 02 1 1000000000000 0.5, b 01 1 7 0.5"
         || said == "a 01 3 1202.75 1.5, a 02 1 1000000000000.0 0.5, b 01 1 7.0 0.5"
         || said == "a 01 3 1202.75 1.5, a 02 1 1e+12 0.5, b 01 1 7 0.5"));
}

TEST_CASE("records: texts of a field come back as they were sent, short and long") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  const std::vector<std::string> crops{"rye", "winter wheat of the northern valley",
                                       std::string(64, 'x'), "oats"};
  std::vector<can::record> sent;
  for (const auto& crop : crops)
    sent.push_back(record_at(static_cast<std::int64_t>(sent.size()), can::record_kind_yield,
                             R"({"mass_flow_kgps":7.25,"width_m":9.1,"speed_mps":1.8,)"
                             R"("latitude_deg":52.1,"longitude_deg":11.6,"crop":")"
                               + crop + "\"}"));
  REQUIRE(append(*lane, {append_records(claimed, 0, std::move(sent))}));
  const auto field = *can::find_field(*can::find_record_kind("yield"), "crop");
  std::vector<std::string> read;
  for (const auto& row : page_of(*store, can::record_kind_yield).rows)
    read.push_back(std::get<std::string>(row.values.at(field)));
  CHECK(read == crops);
}

TEST_CASE("records: frames, records of every kind and foreign JSON share a stream and read back") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  auto mixed = append_of(claimed, 0, mixed_block(1, 10));
  auto records = append_records(claimed, 10,
                                {record_at(0, can::record_kind_sensor, sensor_body),
                                 record_at(1, can::record_kind_yield, yield_body),
                                 record_at(2, can::record_kind_tokens, tokens_body),
                                 record_at(3, can::record_kind_fault, fault_body),
                                 record_at(4, 77, R"({"own": [1, 2]})")});
  mixed.records = records.records;
  mixed.to = mixed.sent = 15;
  REQUIRE(append(*lane, {mixed}));
  CHECK(only_ledger(*store).stored == 15);

  const auto sensors = page_of(*store, can::record_kind_sensor).rows;
  REQUIRE(sensors.size() == 1);
  CHECK(sensors[0].time_us == record_start_us);
  CHECK(sensors[0].seq == 11);
  CHECK(sensors[0].values
        == can::record_values{std::string{"soil-1"},
                              std::string{"soil"},
                              std::string{"moisture"},
                              23.5,
                              std::string{"%"},
                              {},
                              {},
                              {},
                              {}});
  for (const auto& [kind, body] : {std::pair{can::record_kind_sensor, sensor_body},
                                   std::pair{can::record_kind_yield, yield_body},
                                   std::pair{can::record_kind_tokens, tokens_body},
                                   std::pair{can::record_kind_fault, fault_body}}) {
    const auto rows = page_of(*store, kind).rows;
    REQUIRE(rows.size() == 1);
    CHECK(can::write_body(*can::find_record_kind(kind), rows[0].values) == body);
  }
  const auto own = page_of(*store, 77).rows;
  REQUIRE(own.size() == 1);
  CHECK(std::get<std::string>(own[0].values[0]).find("own") != std::string::npos);
  CHECK(bed->value("select count(*) from item_record") == "1");
}

TEST_CASE(
  "records: quarantines one invalid item of each kind with its reason, and stores its neighbours") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  refuse_spn_666(*bed);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  const auto yield = can::record_kind_yield;
  const std::vector<std::pair<can::record, std::string>> bad{
    {{-1, yield, yield_body}, "yield: time: -1 us is not within 1970 to 2099"},
    {{INT64_MIN, yield, yield_body}, "time"},
    {record_at(0, yield, R"({"mass_flow_kgps":201,"width_m":9,"speed_mps":1})"),
     "yield: mass_flow_kgps: 201 is not within 0 to 200 kg/s"},
    {record_at(0, yield, R"({"width_m":9,"speed_mps":1})"), "yield: mass_flow_kgps: is missing"},
    {record_at(0, yield, yield_body.substr(0, 20)), "yield: "},
    {record_at(0, can::record_kind_tokens,
               R"({"agent":"a\u0000b","model":"m","prompt_tokens":1,"completion_tokens":1})"),
     "tokens: a NUL in a text (byte 18)"},
    {record_at(0, can::record_kind_tokens, std::string("{\"agent\":\"a\0b\"}", 15)),
     "the body is not text (UTF-8 without NUL)"},
    {record_at(0, can::record_kind_fault, "{\"description\":\"" + std::string(300, 'x') + "\"}"),
     "fault: description: 300 bytes are not within 1 to 256"},
    {record_at(0, can::record_kind_fault, fault_of_spn(666)), ""}, // the database's own message
  };
  std::vector<can::record> records;
  for (const auto& [record, reason] : bad) {
    records.push_back(record_at(1, can::record_kind_sensor, sensor_body));
    records.push_back(record);
  }
  records.push_back(record_at(1, can::record_kind_fault, fault_of_spn(190)));
  const auto outcome = must(append(*lane, {append_records(claimed, 0, records)}));
  CHECK(outcome.fenced.empty());
  CHECK(outcome.quarantined == bad.size());
  CHECK(bed->value("select count(*) from sensor_reading") == std::to_string(bad.size()));
  CHECK(bed->value("select count(*) from fault") == "1");
  CHECK(only_ledger(*store).quarantined == bad.size());
  const auto kept = quarantined(*store);
  REQUIRE(kept.size() == bad.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CHECK(kept[i].id.seq == 2 * i + 2);
    CHECK(kept[i].kind == bad[i].first.kind);
    CHECK(kept[i].size == bad[i].first.body.size());
    CHECK_FALSE(kept[i].reason.empty());
    CAPTURE(kept[i].reason);
    CHECK(kept[i].reason.find(bad[i].second) != std::string::npos);
  }
  CHECK(kept.back().reason.find("no_666") != std::string::npos);
}

TEST_CASE(
  "records: the ledger counts items lost by a damaged spool separately, not as stored or lost") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(claimed, 0, mixed_block(1, 20))}));
  const std::vector<can::record> lost(7, record_at(0, can::record_kind_lost, R"({"lost":"x"})"));
  REQUIRE(append(*lane, {append_records(claimed, 20, lost)}));
  REQUIRE(append(*lane, {append_of(claimed, 27, mixed_block(2, 3))}));
  const auto row = only_ledger(*store);
  CHECK(row.durable == 30);
  CHECK(row.stored == 23);
  CHECK(row.lost_at_gateway == 7);
}

TEST_CASE("records: pages give all rows of the requested time once, in order of time") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto lane = store->open_appender("w0");
  constexpr int count = 200;
  for (unsigned stream = 1; stream <= 2; ++stream) {
    const auto claimed = claim(*store, request_for("T1", stream)).claim;
    std::vector<can::record> records;
    for (int i = 0; i < count; ++i) // times repeat and step back
      records.push_back(record_at((count - i) / 7, can::record_kind_yield, yield_body));
    REQUIRE(append(*lane, {append_records(claimed, 0, records)}));
  }
  std::vector<record_row> all;
  std::optional<records_cursor> after;
  do {
    auto page = page_of(*store, can::record_kind_yield, 17, after);
    CHECK(page.rows.size() <= 17);
    all.insert(all.end(), page.rows.begin(), page.rows.end());
    after = page.next;
  } while (after);
  REQUIRE(all.size() == 2 * count);
  CHECK(std::is_sorted(all.begin(), all.end(), [](const auto& left, const auto& right) {
    return std::tuple{left.time_us, left.stream, left.seq}
           < std::tuple{right.time_us, right.stream, right.seq};
  }));
  const records_query within{"default", "T1", can::record_kind_yield, record_start_us + 3'000'000,
                             record_start_us + 4'000'000};
  const auto page = must(
    answer_of<records_page>([&](auto done) { store->records()->read_records(within, {}, done); }));
  CHECK(page.rows.size() == 2 * 14);
  const auto other = answer_of<records_page>([&](auto done) {
    store->records()->read_records({"north", "T1", can::record_kind_yield, {}, {}}, {}, done);
  });
  CHECK(other.code() == errc::not_found); // another tenant's
}

TEST_CASE("quarantine: a retry stores a valid item once under its number; an invalid one stays "
          "with its reason") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  refuse_spn_666(*bed);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  auto batch = append_records(claimed, 0,
                              {record_at(0, can::record_kind_fault, fault_of_spn(666)),
                               record_at(1, can::record_kind_fault, "{}")});
  // A frame that was rejected for a reason that no longer holds.
  const std::uint8_t payload[8] = {1, 2, 3};
  can::frame_block block;
  REQUIRE(block.push(record_start_us, can::pack({.id = 0x123, .length = 3}), payload));
  std::string frame(16, '\0');
  for (unsigned i = 0; i < 8; ++i) {
    frame[i] = static_cast<char>(record_start_us >> 8 * i);
    frame[8 + i] = static_cast<char>(block.headers[0] >> 8 * i);
  }
  frame += "\x01\x02\x03";
  batch.quarantine = {{3, record_start_us, "once", frame},
                      {4, record_start_us, "for ever", "no frame"}};
  batch.to = batch.sent = 4;
  REQUIRE(append(*lane, {batch}));
  const auto items = quarantined(*store);
  REQUIRE(items.size() == 4);

  CHECK_FALSE(must(retry(*store, items[0].id)).stored);
  CHECK(must(retry(*store, items[0].id)).reason.find("no_666") != std::string::npos);
  CHECK(must(retry(*store, items[1].id)).reason == "fault: source: is missing");
  CHECK_FALSE(must(retry(*store, items[3].id)).stored);
  CHECK(retry(*store, items[2].id, "north").code() == errc::not_found); // another tenant
  CHECK(only_ledger(*store).quarantined == 4);

  allow_spn_666(*bed);
  CHECK(must(retry(*store, items[0].id)).stored);
  CHECK(must(retry(*store, items[2].id)).stored);
  CHECK(retry(*store, items[0].id).code() == errc::not_found);
  CHECK(bed->value("select spn from fault where seq = 1") == "666");
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].seq_first == 3);
  check_same_frames(runs[0].block, block);
  auto row = only_ledger(*store);
  CHECK(row.quarantined == 2);
  CHECK(row.stored == 4);

  const auto drop = [&](quarantine_id id, const std::string& farm) {
    return answer_of<furrow::done>([&](auto done) {
             store->quarantine()->drop_quarantined(farm, id, {"anna", "10.0.0.9"}, done);
           })
      .code();
  };
  CHECK(drop(items[1].id, "north") == errc::not_found);
  CHECK(drop(items[1].id, "default") == errc::none);
  CHECK(drop(items[1].id, "default") == errc::not_found);
  CHECK(retry(*store, items[1].id).code() == errc::not_found);
  CHECK(bed->value("select length(bytes) from quarantine where seq = 2") == "0");
  row = only_ledger(*store);
  CHECK(row.dropped == 1);
  CHECK(row.quarantined == 1);
  CHECK(row.stored == 3);
  CHECK(quarantined(*store).size() == 1);
  CHECK(quarantined(*store, "north").empty());
  const auto shown = must(answer_of<quarantine_row>(
    [&](auto done) { store->quarantine()->show_quarantined("default", items[3].id, done); }));
  CHECK(shown.bytes == "no frame");
  CHECK(shown.reason == "for ever");
  CHECK_FALSE(shown.kind);

  // Each change is in the audit log once. What changed nothing is not.
  const auto notes = must(answer_of<std::vector<audit_row>>([&](auto done) {
    audit_of(*store)->list({{}, 0, {}, {}, 10}, std::move(done));
  }));
  REQUIRE(notes.size() == 3);
  CHECK(notes[2].action == "quarantine retry");
  CHECK(notes[1].action == "quarantine retry");
  CHECK(notes[1].detail == "it was in quarantine because: once");
  CHECK(notes[0].action == "quarantine drop");
  CHECK(notes[0].object == "default/T1 " + std::to_string(items[1].id.stream) + ":2");
  for (const auto& note : notes) {
    CHECK(note.who == "anna");
    CHECK(note.origin == "10.0.0.9");
    CHECK(note.farm == "default");
  }
}

TEST_CASE("quarantine: two concurrent retries of one item store it once") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto other = bed->open();
  refuse_spn_666(*bed);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  std::vector<can::record> records(20, record_at(0, can::record_kind_fault, fault_of_spn(666)));
  REQUIRE(append(*lane, {append_records(claimed, 0, records)}));
  const auto items = quarantined(*store);
  REQUIRE(items.size() == 20);
  allow_spn_666(*bed);
  std::atomic<int> stored{0};
  const auto work = [&](furrow::storage::store& by) {
    for (const auto& item : items) {
      const auto outcome = retry(by, item.id);
      stored += outcome && outcome->stored ? 1 : 0;
    }
  };
  std::thread beside{[&] { work(*other); }};
  work(*store);
  beside.join();
  CHECK(stored == 20);
  CHECK(bed->value("select count(*) from fault") == "20");
  CHECK(only_ledger(*store).quarantined == 0);
}

TEST_CASE("records: random bodies are stored or quarantined; none is lost or stops another") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  std::mt19937_64 random{5};
  const std::vector<std::string> sound{sensor_body, yield_body, tokens_body, fault_body};
  std::uint64_t seq = 0;
  for (int round = 0; round < 6; ++round) {
    std::vector<can::record> records;
    for (int i = 0; i < 300; ++i) {
      const auto which = random() % sound.size();
      auto body = sound[which];
      if (random() % 4 == 0)
        for (auto changes = 1 + random() % 3; changes > 0; --changes)
          body[random() % body.size()] = static_cast<char>(random());
      records.push_back({static_cast<std::int64_t>(random() % 5'000'000'000'000'000),
                         static_cast<std::uint16_t>(can::record_kind_sensor + which),
                         std::move(body)});
    }
    REQUIRE(append(*lane, {append_records(claimed, seq, records)}));
    seq += records.size();
  }
  const auto row = only_ledger(*store);
  CHECK(row.durable == seq);
  CHECK(row.quarantined > 100);
  CHECK(row.stored - row.quarantined > 500);
}

TEST_CASE("records: kinds use all of their 16 bits") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const std::vector<std::uint16_t> kinds{0, 0x3FFF, 0x7FFE, 0x8000, 0xFFFF};
  std::vector<can::record> records;
  for (const auto kind : kinds)
    records.push_back(record_at(1, kind, R"({"kind":)" + std::to_string(kind) + "}"));
  REQUIRE(append(*store->open_appender("w0"), {append_records(claimed, 0, std::move(records))}));
  for (const auto kind : kinds) {
    CAPTURE(kind);
    const auto rows = page_of(*store, kind).rows;
    REQUIRE(rows.size() == 1);
    CHECK(std::get<std::string>(rows[0].values.at(0)).find(std::to_string(kind))
          != std::string::npos);
  }
}
