#include "proto/scan.hpp"

#include "proto/text.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <string_view>

namespace furrow::proto {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

class scanner {
public:
  result<done> message(std::span<const std::uint8_t> bytes, const Descriptor& type) {
    google::protobuf::io::CodedInputStream in{bytes.data(), static_cast<int>(bytes.size())};
    while (static_cast<std::size_t>(in.CurrentPosition()) < bytes.size()) {
      const auto tag = in.ReadTagNoLastTag();
      if (tag == 0)
        return failure{errc::malformed, "a broken tag in " + type.name()};
      if (++fields_ > fields_max)
        return failure{errc::limit,
                       "more than " + std::to_string(fields_max) + " fields in a message"};
      const auto* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (auto ok = value(in, tag, field, bytes, type); !ok)
        return ok;
    }
    return done{};
  }

private:
  result<done> value(google::protobuf::io::CodedInputStream& in,
                     std::uint32_t tag,
                     const FieldDescriptor* field,
                     std::span<const std::uint8_t> bytes,
                     const Descriptor& type) {
    const failure truncated{errc::malformed, type.name() + " is truncated"};
    switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT: {
      std::uint64_t ignored = 0;
      return in.ReadVarint64(&ignored) ? result<done>{done{}} : truncated;
    }
    case WireFormatLite::WIRETYPE_FIXED64:
      return in.Skip(8) ? result<done>{done{}} : truncated;
    case WireFormatLite::WIRETYPE_FIXED32:
      return in.Skip(4) ? result<done>{done{}} : truncated;
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
      std::uint32_t size = 0;
      if (!in.ReadVarint32(&size))
        return truncated;
      const auto at = static_cast<std::size_t>(in.CurrentPosition());
      if (size > bytes.size() - at || !in.Skip(static_cast<int>(size)))
        return truncated;
      return inside(bytes.subspan(at, size), field);
    }
    default:
      return failure{errc::malformed, "a group in " + type.name()};
    }
  }

  result<done> inside(std::span<const std::uint8_t> bytes, const FieldDescriptor* field) {
    if (field == nullptr)
      return done{};
    if (field->type() == FieldDescriptor::TYPE_MESSAGE)
      return message(bytes, *field->message_type());
    if (field->type() == FieldDescriptor::TYPE_STRING
        && !is_clean({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
      return failure{errc::text, field->full_name() + " is not UTF-8 or contains a NUL"};
    return done{};
  }

  std::size_t fields_ = 0;
};

} // namespace

result<done> scan(std::span<const std::uint8_t> bytes, const Descriptor& type) {
  if (bytes.size() > message_bytes_max)
    return failure{errc::length, "a message of " + std::to_string(bytes.size()) + " bytes"};
  return scanner{}.message(bytes, type);
}

} // namespace furrow::proto
