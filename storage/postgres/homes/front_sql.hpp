/// The scripts front_describe.sql and front.sql, built into the program.
#pragma once

namespace furrow::storage {

extern const char* const describe_sql;
extern const char* const front_sql;

} // namespace furrow::storage
