#include "tools/furrow-sim/traffic.hpp"

#include "tools/furrow-sim/implement.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace furrow::sim {

namespace {

constexpr std::uint8_t engine = 0x00;
constexpr std::uint8_t transmission = 0x03;
constexpr std::uint8_t display = 0x26;
constexpr std::uint8_t gnss = 0x1C;
constexpr std::uint8_t tractor_ecu = 0xF0;
constexpr std::uint8_t implement = 0x80;
constexpr std::uint8_t task_controller = 0xF7;
constexpr std::uint8_t everybody = 0xFF;
constexpr std::uint32_t pgn_process_data = 51'968;

using payload = std::array<std::uint8_t, 8>;

constexpr std::uint32_t id_of(unsigned priority, std::uint32_t pgn, std::uint8_t source) {
  return priority << 26U | pgn << 8U | source;
}

/// All bits one: "not available" until a value is set.
constexpr payload not_available{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/// A little-endian number of `bytes` bytes from byte `at` on; like the standard, counts from 1.
void put(payload& data, unsigned at, unsigned bytes, double physical, double scale, double offset) {
  const auto raw = static_cast<std::int64_t>(std::llround((physical - offset) / scale));
  const auto bits = static_cast<std::uint64_t>(raw);
  for (unsigned i = 0; i < bytes; ++i)
    data[at - 1 + i] = static_cast<std::uint8_t>(bits >> (8 * i));
}

struct ecu {
  std::uint8_t address;
  unsigned function;
  unsigned device_class;
  unsigned industry_group;
  unsigned identity;
};

constexpr std::array<ecu, 5> ecus{{{engine, 0, 0, 0, 41},
                                   {transmission, 3, 0, 0, 42},
                                   {tractor_ecu, 132, 1, 2, 43},
                                   {display, 29, 0, 2, 44},
                                   {gnss, 145, 60, 4, 45}}};

constexpr ecu controller{task_controller, 130, 0, 2, 46};
ecu implement_ecu(const field_plan& plan) {
  const auto [function, device_class] = name_of(plan.kind);
  return {implement, function, device_class, 2, 47};
}

/// ISO 11783-5 NAME; manufacturer 2046 is not assigned.
std::uint64_t name_of(const ecu& unit, std::uint64_t serial) {
  return ((unit.identity + serial * 64) & 0x1FFFFFU) | 2046ULL << 21U
         | std::uint64_t{unit.function} << 40U | std::uint64_t{unit.device_class} << 49U
         | std::uint64_t{unit.industry_group} << 60U | 1ULL << 63U;
}

/// A periodic message, and how it is filled from the tractor's state. byte.bit as in the standards.
struct message {
  std::uint32_t id;
  double period_s;
  void (*fill)(const tractor&, payload&);
};

const message messages[] = {
  // EEC1 61444: torque (SPN 512, 513), engine speed (190)
  {id_of(3, 61'444, engine), 0.020,
   [](const tractor& t, payload& d) {
     d[0] = 0xF0 | 1;
     put(d, 2, 1, t.engine_load_pct, 1, -125);
     put(d, 3, 1, t.engine_load_pct, 1, -125);
     put(d, 4, 2, t.engine_rpm, 0.125, 0);
   }},
  // EEC2 61443: accelerator (91), load (92)
  {id_of(3, 61'443, engine), 0.050,
   [](const tractor& t, payload& d) {
     put(d, 2, 1, std::min(100.0, t.engine_rpm / 22), 0.4, 0);
     put(d, 3, 1, t.engine_load_pct, 1, 0);
   }},
  // ETC1 61442: output and input shaft speed (191, 161)
  {id_of(3, 61'442, transmission), 0.010,
   [](const tractor& t, payload& d) {
     put(d, 2, 2, t.speed_mps * 310, 0.125, 0);
     put(d, 6, 2, t.engine_rpm, 0.125, 0);
   }},
  // CCVS 65265: wheel-based speed (84), km/h
  {id_of(6, 65'265, tractor_ecu), 0.100,
   [](const tractor& t, payload& d) { put(d, 2, 2, t.speed_mps * 3.6, 1.0 / 256, 0); }},
  // WBSD 65096: speed (1862), distance (1863), direction (1864)
  {id_of(3, 65'096, tractor_ecu), 0.100,
   [](const tractor& t, payload& d) {
     put(d, 1, 2, t.speed_mps * 1.03, 0.001, 0); // slip
     put(d, 3, 4, std::fmod(t.distance_m * 1.03, 4'211'081), 0.001, 0);
     d[7] = 0xFD;
   }},
  // GBSD 65097: speed (1859), distance (1860), direction (1861)
  {id_of(3, 65'097, tractor_ecu), 0.100,
   [](const tractor& t, payload& d) {
     put(d, 1, 2, t.speed_mps, 0.001, 0);
     put(d, 3, 4, std::fmod(t.distance_m, 4'211'081), 0.001, 0);
     d[7] = 0xFD;
   }},
  // LFE 65266: fuel rate (183)
  {id_of(6, 65'266, engine), 0.100,
   [](const tractor& t, payload& d) { put(d, 1, 2, t.fuel_lph, 0.05, 0); }},
  // RPTO 65091: shaft speed (1883)
  {id_of(3, 65'091, tractor_ecu), 0.100,
   [](const tractor& t, payload& d) {
     put(d, 1, 2, t.pto_rpm, 0.125, 0);
     d[4] = t.pto_rpm > 10 ? 0x7F : 0x3F; // 5.7: engaged or not
   }},
  // RHS 65093: position (1873), in-work (2.7)
  {id_of(3, 65'093, tractor_ecu), 0.100,
   [](const tractor& t, payload& d) {
     put(d, 1, 1, t.hitch_pct, 0.4, 0);
     d[1] = t.working ? 0x7F : 0x3F;
   }},
  // GMS 44032 to everybody: estimated curvature (5238)
  {id_of(3, 44'032 | everybody, tractor_ecu), 0.100,
   [](const tractor& t, payload& d) { put(d, 1, 2, t.curvature_per_km, 0.25, -8'032); }},
  // 129025: latitude, longitude
  {id_of(2, 129'025, gnss), 0.100,
   [](const tractor& t, payload& d) {
     put(d, 1, 4, t.latitude_deg, 1e-7, 0);
     put(d, 5, 4, t.longitude_deg, 1e-7, 0);
   }},
  // 129026: course and speed over ground, true
  {id_of(2, 129'026, gnss), 0.250,
   [](const tractor& t, payload& d) {
     d[1] = 0xFC;
     put(d, 3, 2, t.heading_rad, 1e-4, 0);
     put(d, 5, 2, t.speed_mps, 0.01, 0);
   }},
  // VP1 65267: latitude (584), longitude (585)
  {id_of(6, 65'267, display), 1.0,
   [](const tractor& t, payload& d) {
     put(d, 1, 4, t.latitude_deg, 1e-7, -210);
     put(d, 5, 4, t.longitude_deg, 1e-7, -210);
   }},
  // ET1 65262: coolant (110), oil (175)
  {id_of(6, 65'262, engine), 1.0,
   [](const tractor& t, payload& d) {
     put(d, 1, 1, t.coolant_c, 1, -40);
     put(d, 3, 2, t.oil_c, 1.0 / 32, -273);
   }},
  // EFL/P1 65263: oil pressure (100)
  {id_of(6, 65'263, engine), 0.500,
   [](const tractor& t, payload& d) { put(d, 4, 1, 150 + t.engine_rpm / 8, 4, 0); }},
  // VEP1 65271: battery (168)
  {id_of(6, 65'271, engine), 1.0,
   [](const tractor& t, payload& d) { put(d, 5, 2, t.engine_rpm > 900 ? 14.1 : 13.6, 0.05, 0); }},
  // DD1 65276: fuel level (96)
  {id_of(6, 65'276, display), 1.0,
   [](const tractor& t, payload& d) { put(d, 2, 1, t.fuel_pct, 0.4, 0); }},
  // AMB 65269: barometer (108), ambient temperature (171)
  {id_of(6, 65'269, engine), 1.0,
   [](const tractor& /*t*/, payload& d) {
     put(d, 1, 1, 101, 0.5, 0);
     put(d, 4, 2, 17, 1.0 / 32, -273);
   }},
  // HOURS 65253: engine hours (247)
  {id_of(6, 65'253, engine), 10.0,
   [](const tractor& t, payload& d) { put(d, 1, 4, t.engine_hours, 0.05, 0); }},
};
constexpr std::size_t message_count = std::size(messages);

// Messages that are not periodic single frames; numbered after those.
enum rare : std::size_t { claims = message_count, vin, dm1, device, process, rare_end };
constexpr std::array<double, 5> rare_period_s{240, 60, 5, 600, 1};

double usual_rate() {
  double sum = 0;
  for (const auto& one : messages)
    sum += 1 / one.period_s;
  return sum + (ecus.size() + 1) / rare_period_s[0] + 4 / rare_period_s[1] + 3 / rare_period_s[2];
}

constexpr std::int64_t frame_us = 540; // of eight bytes at 250 kbit/s
constexpr std::int64_t packet_gap_us = 50'000;
constexpr std::int64_t connection_gap_us = 5'000; // between packets to one receiver

std::int64_t to_us(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e6);
}

} // namespace

traffic::traffic(std::uint64_t seed,
                 double rate,
                 std::int64_t start_us,
                 const std::optional<field_plan>& plan)
  : tractor_{seed}, random_{seed * 7 + 1}, stretch_{usual_rate() / rate},
    gap_us_{std::max<std::int64_t>(1, std::min(frame_us, to_us(0.7 / rate)))}, now_us_{start_us},
    last_us_{start_us - gap_us_} {
  vin_ = "FURROWSIM" + std::to_string(10'000'000 + seed % 89'999'999) + "*";
  plan_.push({start_us, claims});
  for (std::size_t i = 0; i < message_count; ++i)
    plan_.push({start_us + 5'000
                  + static_cast<std::int64_t>(random_() % 1'000)
                      * to_us(messages[i].period_s * stretch_) / 1'000,
                i});
  plan_.push({start_us + to_us(2 * stretch_), vin});
  plan_.push({start_us + to_us(3 * stretch_), dm1});
  if (!plan)
    return;
  work_.emplace(*plan);
  plan_.push({start_us + to_us(1.5), device});
  plan_.push({start_us + to_us(4), process});
}

void traffic::advance_to(std::int64_t time_us) {
  constexpr std::int64_t step_us = 20'000;
  for (; time_us - now_us_ >= step_us; now_us_ += step_us)
    if (!work_) {
      tractor_.advance(step_us / 1e6);
    } else {
      work_->advance(tractor_, step_us / 1e6);
      if (work_->sections() == sections_sent_)
        continue;
      sections_sent_ = work_->sections();
      put_later(time_us, id_of(3, pgn_process_data | task_controller, implement),
                section_states(*work_));
    }
}

void traffic::put_later(std::int64_t time_us, std::uint32_t id, payload data) {
  const auto header = can::pack({.id = id, .extended = true, .length = 8});
  const auto at =
    std::upper_bound(later_.begin(), later_.end(), time_us,
                     [](std::int64_t t, const made_frame& f) { return t < f.time_us; });
  later_.insert(at, {time_us, header, data});
}

/// A request for claims to everybody, and the claims (ISO 11783-5: PGN 59904, 60928).
void traffic::claim_addresses(std::int64_t time_us) {
  const auto request =
    can::pack({.id = id_of(6, 59'904 | everybody, display), .extended = true, .length = 3});
  later_.push_front({time_us, request, {0x00, 0xEE, 0x00}});
  const auto claim = [&](const ecu& unit, std::uint64_t serial) {
    time_us += 600;
    payload data{};
    const auto name = name_of(unit, serial);
    std::memcpy(data.data(), &name, data.size());
    put_later(time_us, id_of(6, 60'928 | everybody, unit.address), data);
  };
  for (const auto& unit : ecus)
    claim(unit, static_cast<std::uint64_t>(tractor_.engine_hours));
  if (work_) {
    claim(controller, work_->plan().number);
    claim(implement_ecu(work_->plan()), work_->plan().number);
  }
}

/// The device description, to the task controller (SAE J1939-21: RTS, CTS, data, end of message).
void traffic::describe_device(std::int64_t time_us) {
  const auto& plan = work_->plan();
  const auto data = device_description(plan, name_of(implement_ecu(plan), plan.number));
  const auto packets = static_cast<std::uint8_t>((data.size() + 6) / 7);
  const auto [low, high] =
    std::pair{static_cast<std::uint8_t>(data.size()), static_cast<std::uint8_t>(data.size() >> 8U)};
  constexpr auto pgn_high = static_cast<std::uint8_t>(pgn_process_data >> 8U);
  const auto to = id_of(7, 60'416 | task_controller, implement);
  const auto back = id_of(7, 60'416 | implement, task_controller);
  put_later(time_us, to, {16, low, high, packets, 0xFF, 0, pgn_high, 0});
  put_later(time_us + connection_gap_us, back, {17, packets, 1, 0xFF, 0xFF, 0, pgn_high, 0});
  auto at = time_us + connection_gap_us;
  for (std::size_t packet = 1; packet <= packets; ++packet) {
    auto bytes = not_available;
    bytes[0] = static_cast<std::uint8_t>(packet);
    const auto from = (packet - 1) * 7;
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(from),
                std::min<std::size_t>(7, data.size() - from), bytes.begin() + 1);
    put_later(at += connection_gap_us, id_of(7, 60'160 | task_controller, implement), bytes);
  }
  put_later(at + connection_gap_us, back, {19, low, high, packets, 0xFF, 0, pgn_high, 0});
}

void traffic::send_process_data(std::int64_t time_us) {
  const auto id = id_of(3, pgn_process_data | task_controller, implement);
  put_later(time_us, id, section_states(*work_));
  for (const auto& value : implement_values(*work_))
    put_later(time_us += 2'000, id, value);
}

/// DM1 of the engine: SPN 97 FMI 3 (water in fuel indicator), SPN 110 FMI 16 (coolant temperature).
void traffic::send_faults(std::int64_t time_us) {
  constexpr double hot_c = 103;
  constexpr std::uint8_t amber = 0x04;
  constexpr std::uint8_t red = 0x10;
  const bool water = work_->water_in_fuel();
  const bool hot = tractor_.coolant_c > hot_c;
  std::vector<std::uint8_t> data{static_cast<std::uint8_t>((water ? amber : 0) | (hot ? red : 0)),
                                 0xFF};
  if (water)
    data.insert(data.end(), {97, 0x00, 0x03, work_->fault_count()});
  if (hot)
    data.insert(data.end(), {110, 0x00, 0x10, work_->fault_count()});
  if (!water && !hot)
    data.insert(data.end(), {0, 0, 0, 0});
  if (data.size() > not_available.size())
    return broadcast(time_us, 65'226, engine, data);
  auto single = not_available;
  std::copy(data.begin(), data.end(), single.begin());
  put_later(time_us, id_of(6, 65'226, engine), single);
}

/// Transport protocol, broadcast (SAE J1939-21: PGN 60416 BAM, 60160 data).
void traffic::broadcast(std::int64_t time_us,
                        std::uint32_t pgn,
                        std::uint8_t source,
                        const std::vector<std::uint8_t>& data) {
  const auto packets = static_cast<std::uint8_t>((data.size() + 6) / 7);
  put_later(time_us, id_of(7, 60'416 | everybody, source),
            {32, static_cast<std::uint8_t>(data.size()),
             static_cast<std::uint8_t>(data.size() >> 8U), packets, 0xFF,
             static_cast<std::uint8_t>(pgn), static_cast<std::uint8_t>(pgn >> 8U),
             static_cast<std::uint8_t>(pgn >> 16U)});
  for (std::uint8_t packet = 1; packet <= packets; ++packet) {
    auto bytes = not_available;
    bytes[0] = packet;
    const auto from = (packet - std::size_t{1}) * 7;
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(from),
                std::min<std::size_t>(7, data.size() - from), bytes.begin() + 1);
    put_later(time_us + packet * packet_gap_us, id_of(7, 60'160 | everybody, source), bytes);
  }
}

void traffic::send_rare(std::int64_t time_us, std::size_t which) {
  if (which == claims)
    return claim_addresses(time_us);
  if (which == device)
    return describe_device(time_us);
  if (which == process)
    return send_process_data(time_us);
  if (which == dm1 && work_)
    return send_faults(time_us);
  if (which == vin) // PGN 65260, SPN 237
    return broadcast(time_us, 65'260, engine, {vin_.begin(), vin_.end()});
  // DM1 65226: amber lamp; SPN 97 FMI 3 (water in fuel indicator), SPN 175 FMI 0 (oil temperature)
  broadcast(time_us, 65'226, engine, {0x04, 0xFF, 97, 0x00, 0x03, 0x01, 175, 0x00, 0x00, 0x02});
}

made_frame traffic::next() {
  for (;;) {
    const auto planned = plan_.top();
    made_frame frame;
    if (!later_.empty() && later_.front().time_us <= planned.time_us) {
      frame = later_.front();
      later_.pop_front();
    } else {
      plan_.pop();
      const auto which = planned.message;
      const bool is_rare = which >= message_count;
      const auto period = is_rare ? rare_period_s[which - message_count] : messages[which].period_s;
      plan_.push({planned.time_us + std::max<std::int64_t>(1, to_us(period * stretch_)), which});
      if (is_rare) {
        send_rare(planned.time_us, which);
        continue;
      }
      advance_to(planned.time_us);
      frame = {planned.time_us,
               can::pack({.id = messages[which].id, .extended = true, .length = 8}), not_available};
      messages[which].fill(tractor_, frame.payload);
      frame.time_us += static_cast<std::int64_t>(random_() % 120); // arbitration
    }
    // All frames share one wire: they follow each other.
    frame.time_us = last_us_ = std::max(frame.time_us, last_us_ + gap_us_);
    return frame;
  }
}

} // namespace furrow::sim
