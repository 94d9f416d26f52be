#include "tools/furrow-edge/spool/spool_info.hpp"

#include <sstream>

#include <nlohmann/json.hpp>

namespace furrow::edge {

namespace {

std::uint64_t bad_lines_of(const spool_summary& summary) {
  std::uint64_t sum = 0;
  for (const auto& source : summary.sources)
    sum += source.bad_lines;
  return sum;
}

std::uint64_t refused_of(const spool_summary& summary) {
  std::uint64_t sum = 0;
  for (const auto& source : summary.sources)
    sum += source.refused;
  return sum;
}

} // namespace

std::string spool_info_table(const spool_summary& summary) {
  const auto& state = summary.state;
  std::ostringstream out;
  out << "equipment  " << summary.equipment << "\n"
      << "stream     " << can::to_string(state.stream_id) << "\n"
      << "first      " << state.first_seq << "\n"
      << "last       " << state.last_seq << "\n"
      << "acked      " << state.acked_seq << "\n"
      << "blocks     " << summary.blocks << "\n"
      << "bytes      " << summary.bytes << "\n"
      << "file       " << summary.file_bytes << "\n"
      << "bad lines  " << bad_lines_of(summary) << "\n"
      << "refused    " << refused_of(summary) << "\n"
      << "lost       " << summary.lost_items << "\n"
      << "forks      " << summary.forks << "\n";
  for (const auto& bus : state.buses)
    out << "bus        " << int{bus.bus} << " " << bus.name << "\n";
  for (const auto& run : state.runs)
    out << "run        " << std::hex << run.run << std::dec << " from " << run.first_seq << "\n";
  for (const auto& source : summary.sources) {
    out << "source     " << source.path << " line " << source.line;
    if (source.head_bytes != 0)
      out << ", " << source.offset << " of " << source.size << " bytes";
    out << ", " << source.bad_lines << " bad lines\n";
  }
  return out.str();
}

std::string spool_info_json(const spool_summary& summary) {
  const auto& state = summary.state;
  nlohmann::ordered_json out{{"equipment", summary.equipment},
                             {"stream_id", can::to_string(state.stream_id)},
                             {"first", state.first_seq},
                             {"last", state.last_seq},
                             {"acked", state.acked_seq},
                             {"blocks", summary.blocks},
                             {"bytes", summary.bytes},
                             {"file_bytes", summary.file_bytes},
                             {"bad_lines", bad_lines_of(summary)},
                             {"refused", refused_of(summary)},
                             {"lost", summary.lost_items},
                             {"forks", summary.forks}};
  out["buses"] = nlohmann::ordered_json::array();
  for (const auto& bus : state.buses)
    out["buses"].push_back({{"bus", bus.bus}, {"name", bus.name}});
  out["runs"] = nlohmann::ordered_json::array();
  for (const auto& run : state.runs) {
    // As text: many readers turn every number into a double, which does not hold 64 bits.
    std::ostringstream mark;
    mark << std::hex << run.run;
    out["runs"].push_back({{"run", mark.str()}, {"first_seq", run.first_seq}});
  }
  out["sources"] = nlohmann::ordered_json::array();
  for (const auto& source : summary.sources)
    out["sources"].push_back({{"path", source.path},
                              {"line", source.line},
                              {"offset", source.offset},
                              {"size", source.size},
                              {"bad_lines", source.bad_lines},
                              {"refused", source.refused}});
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace furrow::edge
