#include "storage/dbc/dbc_files.hpp"

#include "storage/migrations/migrations.hpp"

#include <array>
#include <charconv>

namespace furrow::storage {

namespace {

/// Texts and numbers with lengths between them: no two contents have the same text.
class canonical_text {
public:
  canonical_text& add(std::string_view text) {
    out_ += std::to_string(text.size()) + ':';
    out_ += text;
    return *this;
  }
  canonical_text& add(std::int64_t number) { return add(std::string_view{std::to_string(number)}); }
  canonical_text& add(double number) {
    std::array<char, 40> raw{};
    const auto end = std::to_chars(raw.data(), raw.data() + raw.size(), number).ptr;
    return add(std::string_view{raw.data(), static_cast<std::size_t>(end - raw.data())});
  }
  canonical_text& add(const std::optional<double>& number) {
    return number ? add(*number) : add(std::string_view{"-"});
  }
  [[nodiscard]] const std::string& text() const { return out_; }

private:
  std::string out_;
};

void add_signal(canonical_text& out, const can::dbc_signal& one) {
  out.add(one.name).add(one.unit).add(one.comment);
  out.add(std::int64_t{one.start}).add(std::int64_t{one.length});
  out.add(static_cast<std::int64_t>(one.order))
    .add(std::int64_t{one.is_signed})
    .add(std::int64_t{one.is_float});
  out.add(one.scale).add(one.offset).add(one.min).add(one.max);
  out.add(one.spn ? std::int64_t{*one.spn} : -1).add(static_cast<std::int64_t>(one.indicators));
  out.add(std::int64_t{one.mux.selector}).add(std::int64_t{one.mux.parent});
  for (const auto& range : one.mux.when)
    out.add(range.low).add(range.high);
  for (const auto& choice : one.choices)
    out.add(choice.value).add(choice.label);
}

} // namespace

std::string scope_of(const stored_dbc& file) {
  if (file.farm.empty())
    return "all";
  return file.equipment.empty() ? "farm " + file.farm : file.farm + "/" + file.equipment;
}

audit_row audit_of_dbc(const author& by, const char* action, const stored_dbc& file) {
  audit_row row{0, by.who, action, file.name + " for " + scope_of(file)};
  row.detail = "id " + std::to_string(file.id) + ", checksum " + file.sha256;
  row.farm = file.farm;
  row.origin = by.origin;
  const auto shown = [&](bool active) {
    return R"({"id":)" + std::to_string(file.id) + R"(,"checksum":")" + file.sha256
           + R"(","active":)" + (active ? "true}" : "false}");
  };
  if (row.action != "dbc load")
    row.before = shown(file.active);
  if (row.action != "dbc remove")
    row.after = shown(true);
  return row;
}

std::string dbc_checksum(const can::dbc_file& file) {
  canonical_text out;
  for (const auto& message : file.messages) {
    out.add(message.name).add(message.comment).add(std::int64_t{message.id});
    out.add(std::int64_t{message.length}).add(std::int64_t{message.extended});
    out.add(static_cast<std::int64_t>(message.format));
    out.add(static_cast<std::int64_t>(message.signals.size()));
    for (const auto& signal : message.signals)
      add_signal(out, signal);
  }
  return sha256_hex(out.text());
}

result<can::dbc_file> parse_stored(const stored_dbc& file) {
  auto parsed = can::parse_dbc(file.content, file.name, can::dbc_mode::lenient, can::dbc_limits{},
                               file.encoding);
  if (!parsed)
    return failure{errc::reject_row, parsed.error().detail};
  return std::move(*parsed);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep what they are given
void dbc_store::copy_definitions(std::vector<stored_dbc> /*files*/, handler<furrow::done> copied) {
  copied(furrow::done{});
}

} // namespace furrow::storage
