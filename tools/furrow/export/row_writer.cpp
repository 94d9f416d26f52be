#include "tools/furrow/export/row_writer.hpp"

#include "tools/furrow/export/row_text.hpp"
#include "tools/parquet/writer.hpp"

namespace furrow::cli {

namespace {

constexpr std::size_t text_batch_rows = 16'384;

class text_writer : public row_writer {
public:
  text_writer(const std::vector<parquet::column_name>& columns, text_form form)
    : text_{columns, form} {}

  [[nodiscard]] std::size_t rows_max() const override { return text_batch_rows; }
  void begin(std::string& out) override { out += text_.header(); }
  void add(std::string& out, const parquet::rows& rows) override { text_.append(out, rows); }
  void end(std::string&) override {}

private:
  row_text text_;
};

class parquet_writer : public row_writer {
public:
  explicit parquet_writer(const std::vector<parquet::column_name>& columns)
    : file_{columns, "furrow " FURROW_VERSION} {}

  [[nodiscard]] std::size_t rows_max() const override { return parquet::row_group_rows; }
  void begin(std::string& out) override { file_.begin(out); }
  void add(std::string& out, const parquet::rows& rows) override { file_.add(out, rows); }
  void end(std::string& out) override { file_.end(out); }

private:
  parquet::writer file_;
};

} // namespace

std::optional<export_format> export_format_named(const std::string& name) {
  const auto ends = [&](const std::string& word) {
    return name == word || name.ends_with("." + word);
  };
  if (ends("csv"))
    return export_format::csv;
  if (ends("jsonl") || ends("ndjson"))
    return export_format::jsonl;
  if (ends("parquet"))
    return export_format::parquet;
  return std::nullopt;
}

const char* to_string(export_format format) {
  switch (format) {
  case export_format::csv:
    return "csv";
  case export_format::jsonl:
    return "jsonl";
  case export_format::parquet:
    return "parquet";
  }
  return "";
}

std::unique_ptr<row_writer> make_row_writer(export_format format,
                                            const std::vector<parquet::column_name>& columns) {
  if (format == export_format::parquet)
    return std::make_unique<parquet_writer>(columns);
  return std::make_unique<text_writer>(columns, format == export_format::csv ? text_form::csv
                                                                             : text_form::json);
}

} // namespace furrow::cli
