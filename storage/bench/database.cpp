#include "storage/bench/database.hpp"

#include "storage/bench/sides.hpp"
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/work.hpp"

#include <unistd.h>

namespace furrow::storage {

void bench_rows::add(std::int32_t equipment, const can::frame_view& frame) {
  if (count_++ == 0)
    buffer_.bytes({"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19});
  buffer_.number(std::int16_t{4});
  buffer_.field(frame.time_us - postgres_work::epoch_2000_us);
  buffer_.field(equipment);
  buffer_.field(static_cast<std::int32_t>(frame.header.id()));
  const auto payload = frame.payload();
  buffer_.bytes_field({reinterpret_cast<const char*>(payload.data()), payload.size()});
}

std::string bench_database_name() {
  return "furrow_bench_" + std::to_string(::getpid());
}

result<std::unique_ptr<bench_database>> make_bench_database(const std::string& url, bool forced) {
  constexpr std::string_view sqlite = "sqlite:";
  if (url.starts_with(sqlite))
    return make_bench_sqlite(url.substr(sqlite.size()), forced);
  if (auto ok = check_postgres_url(url); !ok)
    return ok.error();
  return make_bench_postgres(url, forced);
}

} // namespace furrow::storage
