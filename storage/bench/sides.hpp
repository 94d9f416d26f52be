/// The two implementations of bench_database.
#pragma once

#include "storage/bench/database.hpp"

namespace furrow::storage {

[[nodiscard]] result<std::unique_ptr<bench_database>> make_bench_postgres(const std::string& url,
                                                                          bool forced);
[[nodiscard]] result<std::unique_ptr<bench_database>> make_bench_sqlite(const std::string& path,
                                                                        bool forced);
[[nodiscard]] std::string bench_database_name(); // unique among the processes of this machine

} // namespace furrow::storage
