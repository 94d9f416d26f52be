#include "storage/row_source.hpp"

namespace furrow::storage {

std::string quoted_name(std::string_view name, bool parts) {
  std::string out = "\"";
  for (const char letter : name) {
    if (letter == '.' && parts)
      out += "\".\"";
    else {
      out += letter;
      if (letter == '"')
        out += '"';
    }
  }
  return out + "\"";
}

result<std::unique_ptr<row_source>> row_source::open(const store_options& options,
                                                     const row_query& query) {
  return options.url.starts_with("sqlite:") ? open_sqlite_rows(options, query)
                                            : open_postgres_rows(options, query);
}

} // namespace furrow::storage
