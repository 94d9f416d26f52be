/// The signals of a plan by their suspect parameter number (SPN).
///
/// Shape: indexes into decode_plan::signals(); of several signals with one SPN the first. 0 is no SPN.
/// Source: SAE J1939-73: a trouble code names the parameter that failed by its SPN.
#pragma once

#include "can/dbc/decode.hpp"

#include <cstdint>
#include <unordered_map>

namespace furrow::can {

using spn_index = std::unordered_map<std::uint32_t, std::uint32_t>;

[[nodiscard]] inline spn_index signals_by_spn(const decode_plan& plan) {
  spn_index out;
  for (std::uint32_t i = 0; i < plan.signals().size(); ++i)
    if (const auto spn = plan.signals()[i].spn.value_or(0); spn != 0)
      out.emplace(spn, i);
  return out;
}

} // namespace furrow::can
