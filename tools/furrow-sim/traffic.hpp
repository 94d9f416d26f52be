/// The frames of a simulated tractor's bus, in the order in which a listener sees them.
///
/// Shape: periodic messages of an engine, a transmission, the tractor's own controller, a display and a GNSS receiver;
///   address claims at the start and now and then; a VIN and a DM1 by BAM. The periods are scaled so that about `rate`
///   frames are sent per second. With a plan the tractor works in a field, and has an implement with sections, which
///   describes itself to a task controller; faults come and go.
/// Units: microseconds since 1970.
/// Source: SAE J1939-71, -73, -81; ISO 11783-5, -7; NMEA 2000; each message names its PGN.
#pragma once

#include "can/frame/frame.hpp"
#include "tools/furrow-sim/field_work.hpp"
#include "tools/furrow-sim/tractor.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <string>
#include <vector>

namespace furrow::sim {

struct made_frame {
  std::int64_t time_us = 0;
  can::frame_header header;
  std::array<std::uint8_t, 8> payload{};
};

class traffic {
public:
  static constexpr double rate_usual = 300; // frames a second on a tractor's bus

  traffic(std::uint64_t seed,
          double rate,
          std::int64_t start_us,
          const std::optional<field_plan>& plan = {});

  [[nodiscard]] made_frame next();
  /// As of the last frame.
  [[nodiscard]] const tractor& machine() const { return tractor_; }
  [[nodiscard]] const std::optional<field_work>& work() const { return work_; }

private:
  struct due {
    std::int64_t time_us;
    std::size_t message;
    bool operator>(const due& other) const {
      return time_us != other.time_us ? time_us > other.time_us : message > other.message;
    }
  };

  void claim_addresses(std::int64_t time_us);
  void broadcast(std::int64_t time_us,
                 std::uint32_t pgn,
                 std::uint8_t source,
                 const std::vector<std::uint8_t>& data);
  void describe_device(std::int64_t time_us);
  void send_faults(std::int64_t time_us);
  void send_process_data(std::int64_t time_us);
  void send_rare(std::int64_t time_us, std::size_t which);
  void put_later(std::int64_t time_us, std::uint32_t id, std::array<std::uint8_t, 8> payload);
  void advance_to(std::int64_t time_us);

  tractor tractor_;
  std::optional<field_work> work_;
  std::uint16_t sections_sent_ = 0;
  std::mt19937_64 random_;
  std::string vin_;
  double stretch_; // factor for all periods
  std::int64_t gap_us_;
  std::int64_t now_us_; // the tractor's time
  std::int64_t last_us_;
  std::priority_queue<due, std::vector<due>, std::greater<>> plan_;
  std::deque<made_frame> later_; // of a broadcast, in order of time
};

} // namespace furrow::sim
