// The cells of a machine's live state and of its stored one.
#include "tools/furrowd/stream/live_values.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>
#include <vector>

using namespace furrow;

TEST_CASE("live values: only the wanted cells are read, and absent ones do not stay as they were") {
  const auto& all = http::stream_quantities();
  const auto index_of = [&all](std::string_view key) {
    std::size_t at = 0;
    while (all.at(at).key != key)
      ++at;
    return at;
  };
  const auto rpm = index_of("engine_speed_rpm");
  const auto mode = index_of("mode");
  const auto position = http::position_index();
  can::live_state full;
  full.last_frame_us = 9;
  full.engine_speed_rpm = can::observed<double>{900, 7, 61'444, 0, 0};
  full.position = can::observed<can::position>{{52.5, -1.25}, 8, 129'025, 1, 0};
  std::vector<http::value_cell> cells;
  http::read_cells(full, cells);
  REQUIRE(cells.size() == all.size());
  CHECK(cells[rpm].parts[0] == 900);
  CHECK(cells[mode].present);
  http::quantity_set wanted;
  wanted.set(position);
  const can::live_state empty;
  http::read_cells(empty, cells, wanted);
  CHECK_FALSE(cells[position].present);
  CHECK(cells[position].same_value(http::value_cell{}));
  CHECK(cells[rpm].present); // it was not wanted
  storage::telemetry_point kept;
  kept.mode = "working";
  kept.values[14] = 46.5;
  kept.values[15] = 7.25;
  http::read_cells(kept, cells, wanted.set(mode));
  CHECK(cells[position].parts[0] == 46.5);
  CHECK(cells[mode].present);
  CHECK(cells[rpm].present);
  http::read_cells(kept, cells);
  CHECK_FALSE(cells[rpm].present);
}
