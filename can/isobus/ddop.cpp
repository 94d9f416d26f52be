#include "can/isobus/ddop.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace furrow::can {

namespace {

constexpr std::size_t text_bytes_max = 128; // version 4: 32 characters of up to four bytes
constexpr std::size_t structure_label_bytes_max = 32; // the extended one

/// Reads the pool from the front. After a read beyond the end every value is zero and `ok` is false.
class pool_reader {
public:
  explicit pool_reader(std::span<const std::uint8_t> pool) : pool_{pool} {}

  [[nodiscard]] bool ok() const { return code_ == ddop_errc::none; }
  [[nodiscard]] ddop_errc code() const { return code_; }
  [[nodiscard]] bool at_end() const { return at_ == pool_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::uint8_t peek() const { return at_end() ? 0 : pool_[at_]; }
  void fail(ddop_errc code) {
    if (ok())
      code_ = code;
  }

  std::span<const std::uint8_t> bytes(std::size_t count) {
    if (!ok() || pool_.size() - at_ < count) {
      fail(ddop_errc::truncated);
      return {};
    }
    at_ += count;
    return pool_.subspan(at_ - count, count);
  }
  template <class T>
  T number() {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const auto byte : bytes(sizeof(T))) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }
  std::string text(std::size_t count) {
    const auto part = bytes(count);
    return {part.begin(), part.end()};
  }
  /// A length byte, then a text of that length.
  std::string counted_text(std::size_t bytes_max = text_bytes_max) {
    const auto count = number<std::uint8_t>();
    if (count > bytes_max) {
      fail(ddop_errc::too_long);
      return {};
    }
    return text(count);
  }

private:
  std::span<const std::uint8_t> pool_;
  std::size_t at_ = 0;
  ddop_errc code_ = ddop_errc::none;
};

ddop_device read_device(pool_reader& from, std::uint16_t id) {
  ddop_device out;
  out.id = id;
  out.designator = from.counted_text();
  out.software_version = from.counted_text();
  out.name = iso_name{from.number<std::uint64_t>()};
  out.serial_number = from.counted_text();
  out.structure_label = from.text(7);
  const auto localization = from.bytes(7);
  std::copy(localization.begin(), localization.end(), out.localization_label.begin());
  // Version 4 has one more length here, at most 32. In older versions the next object follows, whose tag begins with
  // 'D' (68).
  if (!from.at_end() && from.peek() <= structure_label_bytes_max)
    out.extended_structure_label = from.counted_text(structure_label_bytes_max);
  return out;
}

ddop_element read_element(pool_reader& from, std::uint16_t id) {
  ddop_element out;
  out.id = id;
  out.type = static_cast<element_type>(from.number<std::uint8_t>());
  out.designator = from.counted_text();
  out.number = from.number<std::uint16_t>();
  out.parent = from.number<std::uint16_t>();
  const auto count = from.number<std::uint16_t>();
  const auto ids =
    from.bytes(std::size_t{count} * 2); // checked against the remaining bytes before any allocation
  for (std::size_t i = 0; i < ids.size(); i += 2)
    out.objects.push_back(static_cast<std::uint16_t>(ids[i] | ids[i + 1] << 8U));
  return out;
}

ddop_process_data read_process_data(pool_reader& from, std::uint16_t id) {
  ddop_process_data out;
  out.id = id;
  out.ddi = from.number<std::uint16_t>();
  out.properties = from.number<std::uint8_t>();
  out.triggers = from.number<std::uint8_t>();
  out.designator = from.counted_text();
  out.presentation = from.number<std::uint16_t>();
  return out;
}

ddop_property read_property(pool_reader& from, std::uint16_t id) {
  ddop_property out;
  out.id = id;
  out.ddi = from.number<std::uint16_t>();
  out.value = from.number<std::int32_t>();
  out.designator = from.counted_text();
  out.presentation = from.number<std::uint16_t>();
  return out;
}

/// The shortest decimal that reads back as this float, not 0.0010000000474974513.
double decimal_of(float number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  double decimal = number;
  (void)std::from_chars(text, end, decimal); // NaN and infinities stay unchanged
  return decimal;
}

value_presentation read_presentation(pool_reader& from, std::uint16_t id) {
  value_presentation out;
  out.id = id;
  out.offset = from.number<std::int32_t>();
  out.scale = decimal_of(std::bit_cast<float>(from.number<std::uint32_t>()));
  out.decimals = from.number<std::uint8_t>();
  out.unit = from.counted_text();
  return out;
}

/// Reads one object into the pool; false at an unknown tag.
bool read_object(pool_reader& from, ddop& into, std::string_view tag, std::uint16_t id) {
  if (tag == "DVC")
    into.device = read_device(from, id);
  else if (tag == "DET")
    into.elements.push_back(read_element(from, id));
  else if (tag == "DPD")
    into.process_data.push_back(read_process_data(from, id));
  else if (tag == "DPT")
    into.properties.push_back(read_property(from, id));
  else if (tag == "DVP")
    into.presentations.push_back(read_presentation(from, id));
  else
    return false;
  return true;
}

template <class Object>
const Object* by_id(const std::vector<Object>& objects, std::uint16_t id) {
  const auto at =
    std::find_if(objects.begin(), objects.end(), [&](const Object& one) { return one.id == id; });
  return at == objects.end() ? nullptr : &*at;
}

template <class Object>
const Object* in_element(const ddop& pool,
                         const std::vector<Object>& objects,
                         std::uint16_t number,
                         std::uint16_t ddi) {
  const auto* element = pool.element(number);
  if (element == nullptr)
    return nullptr;
  for (const auto id : element->objects)
    if (const auto* object = by_id(objects, id); object != nullptr && object->ddi == ddi)
      return object;
  return nullptr;
}

} // namespace

const char* to_string(ddop_errc code) {
  switch (code) {
  case ddop_errc::none:
    return "no error";
  case ddop_errc::truncated:
    return "the pool ends inside an object";
  case ddop_errc::unknown_object:
    return "unknown tag: ISO 11783-10 has no such object";
  case ddop_errc::doubled_id:
    return "two objects have the same id";
  case ddop_errc::too_long:
    return "longer than allowed";
  case ddop_errc::no_device:
    return "a pool must have one device object";
  }
  return "unknown error";
}

const char* to_string(element_type type) {
  switch (type) {
  case element_type::device:
    return "device";
  case element_type::function:
    return "function";
  case element_type::bin:
    return "bin";
  case element_type::section:
    return "section";
  case element_type::unit:
    return "unit";
  case element_type::connector:
    return "connector";
  case element_type::navigation_reference:
    return "navigation reference";
  }
  return "unknown";
}

const ddop_element* ddop::element(std::uint16_t number) const {
  const auto at = std::find_if(elements.begin(), elements.end(),
                               [&](const ddop_element& one) { return one.number == number; });
  return at == elements.end() ? nullptr : &*at;
}

const ddop_process_data* ddop::find(std::uint16_t element_number, std::uint16_t ddi) const {
  return in_element(*this, process_data, element_number, ddi);
}

const ddop_property* ddop::property(std::uint16_t element_number, std::uint16_t ddi) const {
  return in_element(*this, properties, element_number, ddi);
}

const value_presentation* ddop::presentation(std::uint16_t id) const {
  return by_id(presentations, id);
}

result<ddop, ddop_errc> parse_ddop(std::span<const std::uint8_t> pool) {
  if (pool.size() > ddop_bytes_max)
    return failure<ddop_errc>{ddop_errc::too_long, "a pool of " + std::to_string(pool.size())
                                                     + " bytes; the limit is "
                                                     + std::to_string(ddop_bytes_max)};
  ddop out;
  std::vector<bool> ids(65'536);
  int devices = 0;
  pool_reader from{pool};
  while (!from.at_end()) {
    const auto begin = from.at();
    const auto tag = from.text(3);
    const auto id = from.number<std::uint16_t>();
    devices += tag == "DVC" ? 1 : 0;
    if (from.ok() && !read_object(from, out, tag, id))
      from.fail(ddop_errc::unknown_object);
    if (from.ok() && ids[id])
      from.fail(ddop_errc::doubled_id);
    if (!from.ok())
      return failure<ddop_errc>{from.code(), "object at byte " + std::to_string(begin) + ": "
                                               + to_string(from.code())};
    ids[id] = true;
  }
  if (devices != 1)
    return failure<ddop_errc>{ddop_errc::no_device, std::to_string(devices) + " device objects: "
                                                      + to_string(ddop_errc::no_device)};
  return out;
}

} // namespace furrow::can
