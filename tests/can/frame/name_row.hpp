/// A NAME, and a row with its nine fields from another decoder.
#pragma once

#include "can/frame/name.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace furrow::tests {

inline void check_name_fields(const can::iso_name& name, const nlohmann::json& row) {
  CHECK(name.identity() == row["identity"]);
  CHECK(name.manufacturer() == row["manufacturer"]);
  CHECK(name.ecu_instance() == row["ecu_instance"]);
  CHECK(name.function_instance() == row["function_instance"]);
  CHECK(name.function() == row["function"]);
  CHECK(name.device_class() == row["device_class"]);
  CHECK(name.device_class_instance() == row["device_class_instance"]);
  CHECK(name.industry_group() == row["industry_group"]);
  CHECK((name.arbitrary_address_capable() ? 1 : 0) == row["arbitrary_address_capable"]);
}

} // namespace furrow::tests
