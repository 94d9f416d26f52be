/// Reads what the doctor judges from a PostgreSQL server.
///
/// Errors, threads: as storage/doctor/doctor.hpp.
#pragma once

#include "storage/doctor/doctor.hpp"

namespace furrow::storage {

[[nodiscard]] result<postgres_facts> read_postgres_facts(const store_options& options);

} // namespace furrow::storage
