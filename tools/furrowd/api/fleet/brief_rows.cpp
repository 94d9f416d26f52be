#include "tools/furrowd/api/fleet/brief_rows.hpp"

#include "can/text/json.hpp"
#include "can/text/put.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace furrow::http {

namespace {

/// What the console's map and lists of machines show.
constexpr std::array<std::string_view, 7> map_quantities{
  "position",        "mode", "heading_deg", "course_deg", "ground_speed_mps", "wheel_speed_mps",
  "engine_speed_rpm"};

bool is_shown(const stream_quantity& one, const subscription& wanted) {
  if (wanted.signals.empty())
    return std::find(map_quantities.begin(), map_quantities.end(), one.key) != map_quantities.end();
  return std::any_of(one.names.begin(), one.names.end(),
                     [&wanted](const auto& name) { return wanted.wants_signal(name); });
}

} // namespace

void read_cells(const machine_summary& of,
                std::vector<value_cell>& to,
                const quantity_set& wanted) {
  if (of.is_from_store())
    read_cells(*of.stored->state, to, wanted);
  else if (of.latest != nullptr)
    read_cells(*of.latest->state, to, wanted);
  else
    to.clear();
}

brief_rows::brief_rows(const subscription& wanted, const fleet_rows& of, std::int64_t now_us)
  : of_{of}, now_us_{now_us} {
  const auto& all = stream_quantities();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (is_shown(all[i], wanted)) {
      shown_.push_back(i);
      wanted_.set(i);
    }
}

void brief_rows::append(std::string& out, const fleet_machine& machine) {
  const auto of = machine.summary(now_us_);
  out += R"({"name":)";
  can::text::append_json_text(out, machine.name());
  out += of.sum.connected ? R"(,"connected":true,"node":)" : R"(,"connected":false,"node":)";
  if (const auto& node = of_.node_of(machine, of.sum.connected); !node.empty())
    can::text::append_json_text(out, node);
  else
    out += "null";
  if (of.is_relayed()) // the others need no bytes for it
    out += R"(,"relayed":true)";
  out += R"(,"seen":)";
  if (of.last_frame_us)
    append_time(out, *of.last_frame_us);
  else
    out += "null";
  out += R"(,"active_faults":)";
  if (of.latest != nullptr)
    can::text::append_decimal(out, of.latest->faults_active);
  else
    out += "null";
  out += R"(,"values":{)";
  read_cells(of, cells_, wanted_);
  bool any = false;
  for (const auto i : shown_) {
    if (i >= cells_.size() || !cells_[i].present)
      continue;
    const auto& quantity = stream_quantities()[i];
    out += any ? ",\"" : "\"";
    any = true;
    out += quantity.key;
    out += "\":";
    append_bare_value(out, quantity, cells_[i]);
  }
  out += "}}";
}

} // namespace furrow::http
