#include "storage/removal.hpp"

namespace furrow::storage {

std::string to_text(const removal_outcome& of) {
  return std::to_string(of.streams) + (of.streams == 1 ? " stream, " : " streams, ")
         + std::to_string(of.frames) + " frames, " + std::to_string(of.records) + " records, "
         + std::to_string(of.telemetry) + " telemetry rows, " + std::to_string(of.rollup)
         + " rollups";
}

} // namespace furrow::storage
