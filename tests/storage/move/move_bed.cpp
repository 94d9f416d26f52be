#include "tests/storage/move/move_bed.hpp"

#include "storage/farm/repositories.hpp"
#include "storage/history.hpp"
#include "storage/identity/identities.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "storage/retention.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/frames.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace furrow::tests {

using namespace storage;

namespace {

constexpr std::int64_t noon_us = 1'777'636'800'000'000; // 2026-05-01, the beginning of an hour

can::frame_block engine_block(std::size_t count) {
  can::frame_block block;
  for (std::size_t i = 0; i < count; ++i) {
    const auto raw = static_cast<std::uint16_t>((1000 + i % 1000) * 8);
    quoted_frame frame{i % 5 == 4 ? "18FEF100#FF0014FFFFFFFFFF" : "0CF00400#FFFFFF0000FFFFFF",
                       noon_us + static_cast<std::int64_t>(i) * 100'000};
    if (i % 5 != 4) {
      frame.data[3] = static_cast<std::uint8_t>(raw);
      frame.data[4] = static_cast<std::uint8_t>(raw >> 8U);
    }
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  return block;
}

void fill_streams(store& store) {
  auto request = request_for("T1", copied_stream, {{0xFEDC'BA98'7654'3210, 1}, {77, 10}});
  request.iso_name = 0xA00C'8440'0FE0'0001;
  const auto claimed = claim(store, request).claim;
  const auto lane = store.open_appender("w0");
  std::uint64_t seq = 0;
  for (unsigned i = 0; i < 6; ++i) {
    auto part = append_of(claimed, seq,
                          i == 2 ? engine_block(900)
                                 : mixed_block(i, 400 + i, noon_us + i * std::int64_t{90'000'000}));
    seq = part.to;
    part.buses = {{0, "can0"}, {1, "isobus"}, {static_cast<std::uint8_t>(i % 3), "bus é"}};
    if (i % 2 == 0) {
      const auto at = static_cast<std::int64_t>(i);
      for (const auto& record :
           {record_at(at, 0x4001, sensor_body), record_at(at, 0x4002, yield_body),
            record_at(at, 0x4003, tokens_body), record_at(at, 0x4004, fault_body),
            record_at(at, 3, R"({"a":{"b":[1,2.5,null,"é\n"]},"a1":-0.0,"big":1e300})"),
            record_at(at, 0xFFFE, R"({"kind":"above the signed ones"})"),
            record_at(at, 0x7FFF, R"({"reason":"disk"})"), record_at(at, 0x4002, R"({"width":1})")})
        part.records.push_back({++seq, record});
      part.to = seq;
    }
    part.sent = seq + 5;
    REQUIRE(append(*lane, {std::move(part)}));
  }
  const auto held = quarantined(store);
  REQUIRE(held.size() == 3);
  must(answer_of<done>(
    [&](auto done) { store.quarantine()->drop_quarantined("default", held[1].id, {"me"}, done); }));
  // A second machine of the same name, whose oldest frames expire, and an empty stream.
  auto north = request_for("T1", 2);
  north.farm = "north";
  const auto second = claim(store, north).claim;
  (void)claim(store, request_for("idle", 3));
  seq = 0;
  for (unsigned i = 0; i < 4; ++i) {
    auto part =
      append_of(second, seq, mixed_block(50 + i, 300, noon_us + i * std::int64_t{86'400'000'000}));
    seq = part.to;
    REQUIRE(append(*lane, {std::move(part)}));
  }
  auto& care = store;
  must(answer_of<done>([&](auto done) {
    care.retention()->set_retention({"north", data_kind::frames, 2}, done);
  }));
  must(answer_of<done>([&](auto done) {
    care.retention()->set_retention({"", data_kind::rollup, std::nullopt}, done);
  }));
  expire_request gone;
  gone.at_us = noon_us + std::int64_t{4} * 86'400'000'000;
  CHECK(
    must(answer_of<expire_outcome>([&](auto done) { care.retention()->expire(gone, done); })).frames
    == 600);
}

void fill_records(store& store) {
  record_batch batch{"default", "station", "key é 1", {}};
  batch.records = {record_at(1, 0x4001, sensor_body), record_at(2, 0x4002, R"({"width_m":900})"),
                   record_at(3, 0x4004, fault_body)};
  const auto outcome = must(insert(store, batch));
  REQUIRE(outcome.refused.size() == 3);
  CHECK(outcome.refused[1] != "");
}

void fill_people(store& store) {
  const auto rows = store.farm();
  unit_of_work work;
  const auto add = [&](record row) { work.changes.push_back({action::upsert, std::move(row)}); };
  farm_record farm;
  farm.name = "default";
  farm.title = "Hof Müller";
  farm.time_zone = "Europe/Berlin";
  farm.attributes = R"({"b":1,"a":[true,null]})";
  add(farm);
  equipment_record machine;
  machine.name = "T1";
  machine.iso_name = 0xA00C'8440'0FE0'0001;
  machine.address = 28;
  machine.kind = "tractor";
  machine.maker = "Fendt";
  machine.attributes = R"({"hp":415})";
  add(machine);
  machine = {};
  machine.name = "bare";
  add(machine);
  field_record field;
  field.name = "Anger";
  field.crop = "wheat";
  field.boundary =
    R"({"type":"Polygon","coordinates":[[[8.25,49.0],[8.5,49.0],[8.5,49.25],[8.25,49.0]]]})";
  add(field);
  const auto made = must(
    answer_of<unit_outcome>([&](auto done) { rows->apply("default", work, std::move(done)); }));
  for (const auto& why : made.rejections)
    FAIL_CHECK(to_string(why));
  CHECK(made.committed);
  user_row user;
  user.key = {"default", "eva"};
  user.role = "admin";
  token_row token;
  token.key = {"default", "eva's"};
  token.sha256 = std::string(64, 'b');
  token.equipment = {"T1"};
  constexpr std::int64_t year_2100_us = 4'102'444'800'000'000;
  token.expires_us = year_2100_us;
  auto& people = *identities_of(store);
  (void)must(answer_of<identity_outcome<user_row>>(
    [&](auto done) { people.add_user(user, "", false, {"me"}, std::move(done)); }));
  (void)must(answer_of<identity_outcome<token_row>>(
    [&](auto done) { people.add_token(token, {"me"}, std::move(done)); }));
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char byte : bytes)
    out += fmt::format("{:02x}", byte);
  return out;
}

/// A fixed form for both databases: names in order, numbers as doubles, one zero.
std::string json_of(const std::string& text) {
  auto value = nlohmann::json::parse(text);
  const auto level = [](auto&& self, nlohmann::json& at) -> void {
    if (at.is_number())
      at = at.get<double>() + 0.0;
    else if (at.is_structured())
      for (auto& each : at)
        self(self, each);
  };
  level(level, value);
  return value.dump();
}

void add_records(store& store,
                 const std::string& farm,
                 const std::string& machine,
                 std::vector<std::string>& out) {
  for (const std::uint16_t kind : {0x4001, 0x4002, 0x4003, 0x4004, 3, 0x7FFF, 0xFFFE}) {
    const auto page = answer_of<records_page>([&](auto done) {
      store.records()->read_records({farm, machine, kind, {}, {}, 1'000}, {}, done);
    });
    if (!page) {
      out.push_back(fmt::format("records {}: {}", kind, page.error().detail));
      continue;
    }
    for (const auto& row : page->rows) {
      auto line = fmt::format("record {} {} {} {}:", kind, row.stream, row.seq, row.time_us);
      for (const auto& value : row.values)
        line += std::visit(
          [](const auto& one) -> std::string {
            if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::monostate>)
              return " -";
            else if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::string>)
              return " " + (one.starts_with('{') ? json_of(one) : one);
            else
              return fmt::format(" {}", one);
          },
          value);
      out.push_back(line);
    }
  }
  for (const auto& one : must(answer_of<quarantine_page>([&](auto done) {
                           store.quarantine()->list_quarantine({farm, machine, 1'000}, {}, done);
                         }))
                           .rows) {
    const auto whole = must(answer_of<quarantine_row>(
      [&](auto done) { store.quarantine()->show_quarantined(farm, one.id, done); }));
    out.push_back(fmt::format("quarantine {} {} {} {} {} {}", one.id.stream, one.id.seq,
                              whole.time_us.value_or(-1), whole.kind.value_or(0), whole.reason,
                              hex(whole.bytes)));
  }
}

void add_history(store& store,
                 const std::string& farm,
                 const std::string& machine,
                 std::vector<std::string>& out) {
  const history_query query{farm, machine, {}, {}, {}};
  for (const auto& row : must(answer_of<telemetry_page>(
                                [&](auto done) { store.history()->read_telemetry(query, done); }))
                           .rows) {
    auto line = fmt::format("telemetry {} {}", row.time_us, row.mode);
    for (const auto& value : row.values)
      line += value ? fmt::format(" {}", static_cast<float>(*value)) : " -";
    out.push_back(line);
  }
  for (const auto& signal : must(answer_of<std::vector<known_signal>>(
         [&](auto done) { store.history()->list_signals(farm, machine, done); }))) {
    out.push_back(fmt::format("signal {} {} {}", signal.name, signal.last, signal.last_time_us));
    for (const auto& row : must(answer_of<rollup_page>([&](auto done) {
                             store.history()->read_rollup(query, signal.name, rollup_bucket::minute,
                                                          done);
                           }))
                             .rows)
      out.push_back(fmt::format("rollup {} {} {} {} {} {} {}", signal.name, row.time_us, row.count,
                                row.min, row.max, row.mean, row.last));
  }
}

struct row_line {
  std::string operator()(const farm_record& row) const {
    return fmt::format("farm {} {} {}", row.name, row.title, json_of(row.attributes));
  }
  std::string operator()(const equipment_record& row) const {
    return fmt::format("equipment {} {} {} {} {} {} {} {} {}", row.name, row.iso_name.value_or(0),
                       row.address.value_or(-1), row.kind, row.status, row.maker, row.model,
                       json_of(row.attributes), row.version);
  }
  std::string operator()(const field_record& row) const {
    return fmt::format("field {} {} {} {} {} {} {}", row.name, row.crop, json_of(row.boundary),
                       row.area_m2, row.box.west_deg, row.box.north_deg, row.version);
  }
};

void add_people(store& store, const std::string& farm, std::vector<std::string>& out) {
  const auto rows = store.farm();
  for (const auto what : {entity::equipment, entity::field})
    for (const auto& row : must(answer_of<record_page>(
                                  [&](auto done) { rows->list(farm, what, {}, std::move(done)); }))
                             .rows)
      out.push_back(std::visit(row_line{}, row));
  auto& people = *identities_of(store);
  for (const auto& row : must(answer_of<std::vector<user_row>>([&](auto done) {
         people.list_users({farm, {}, 100}, std::move(done));
       })))
    out.push_back(fmt::format("user {} {} {} {}", row.key.name, row.role, row.status, row.version));
  for (const auto& row : must(answer_of<std::vector<token_row>>([&](auto done) {
         people.list_tokens({farm, {}, 100}, std::move(done));
       })))
    out.push_back(fmt::format("token {} {} {} {} {} {}", row.key.name, row.sha256, row.role,
                              row.created_by, fmt::join(row.equipment, ","),
                              row.expires_us.value_or(0)));
  out.push_back(std::visit(row_line{}, must(answer_of<record>([&](auto done) {
                             rows->get(farm, entity::farm, farm, std::move(done));
                           }))));
}

} // namespace

pg_cluster& copy_cluster() {
  static pg_cluster one;
  return one;
}

std::unique_ptr<store> open_url(const std::string& url) {
  store_options options;
  options.url = url;
  return must(open_store(options));
}

void fill_with_everything(sqlite_bed& bed) {
  const auto store = bed.open_migrated();
  fill_streams(*store);
  fill_records(*store);
  fill_people(*store);
  plain_digest{*store}.run_all();
  // What retention has left of the days before.
  bed.tamper("insert into telemetry_10s select * from telemetry group by equipment_id; "
             "update telemetry_10s set time = time - 86400000000; "
             "insert into telemetry_1m select * from telemetry_10s; "
             "update telemetry_1m set time = time - 86400000000");
}

std::vector<std::string>
frames_in(store& store, const std::string& farm, const std::string& equipment) {
  std::vector<std::string> out;
  for (const auto& run : read_all(store, {farm, equipment, {}, {}}))
    for (std::size_t i = 0; i < run.block.size(); ++i) {
      const auto frame = run.block[i];
      const auto payload = frame.payload();
      out.push_back(
        fmt::format("{} {} {:x} {}", run.seq_first + i, frame.time_us, frame.header.bits,
                    hex({reinterpret_cast<const char*>(payload.data()), payload.size()})));
    }
  return out;
}

std::vector<std::string> everything_in(store& store) {
  std::vector<std::string> out;
  for (const auto& row : ledger(store))
    out.push_back(fmt::format("ledger {}/{} {} {} {} {} {} {} {} {} {} {}", row.farm, row.equipment,
                              can::to_string(row.stream_id), row.sent, row.durable, row.stored,
                              row.lost, row.doubled, row.quarantined, row.dropped,
                              row.lost_at_gateway, row.expired));
  for (const std::string farm : {"default", "north"}) {
    add_people(store, farm, out);
    for (const auto& row : must(answer_of<std::vector<equipment_row>>(
           [&](auto done) { store.list_equipment(farm, done); }))) {
      out.push_back(
        fmt::format("machine {}/{} {} {}", row.farm, row.name, row.streams, row.durable));
      for (auto& line : frames_in(store, farm, row.name))
        out.push_back(std::move(line));
      add_records(store, farm, row.name, out);
      add_history(store, farm, row.name, out);
    }
  }
  auto& care = store;
  for (const auto& rule : must(answer_of<std::vector<retention_rule>>(
         [&](auto done) { care.retention()->list_retention(done); })))
    out.push_back(
      fmt::format("keep {} {} {}", rule.farm, to_string(rule.kind), rule.keep_days.value_or(0)));
  return out;
}

void check_same_lines(const std::vector<std::string>& left, const std::vector<std::string>& right) {
  CHECK(left.size() == right.size());
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (left[i] != right[i]) {
      FAIL_CHECK(left[i] << "\n  is not\n" << right[i]);
      return;
    }
}

} // namespace furrow::tests
