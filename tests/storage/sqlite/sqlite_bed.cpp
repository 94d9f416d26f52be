#include "tests/storage/sqlite/sqlite_bed.hpp"

#include "tests/support/scratch_root.hpp"

#include <sqlite3.h>

#include <cstdlib>

namespace furrow::tests {

namespace fs = std::filesystem;

std::unique_ptr<store_bed> make_bed() {
  return std::make_unique<sqlite_bed>();
}

sqlite_bed::sqlite_bed() {
  auto pattern = (scratch_root() / "furrow-sqlite-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error{"cannot make " + pattern};
  folder_ = pattern;
}

sqlite_bed::~sqlite_bed() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string sqlite_bed::value(const std::string& sql) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open(file().c_str(), &raw);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db{raw, sqlite3_close};
  sqlite3_busy_timeout(raw, 5'000);
  std::string found;
  char* message = nullptr;
  const auto keep_first = [](void* out, int columns, char** values, char**) {
    auto& text = *static_cast<std::string*>(out);
    if (columns > 0 && values[0] != nullptr && text.empty())
      text = values[0];
    return 0;
  };
  if (opened != SQLITE_OK
      || sqlite3_exec(raw, sql.c_str(), keep_first, &found, &message) != SQLITE_OK)
    throw std::runtime_error{sql + ": " + (message != nullptr ? message : "cannot open")};
  return found;
}

} // namespace furrow::tests
