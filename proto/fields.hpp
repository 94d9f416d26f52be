/// The rules for fields that the messages of gateways (wire.cpp) and of nodes (link.cpp) share, and the way from a
/// message to its envelope and back.
///
/// Shape: a message is a variant. `write_envelope` and `read_envelope` take the functions that differ: `check` has the
///   rules of a message, `fill` and `read` translate it.
/// Errors: limit, text; of an envelope also malformed. A failed write leaves `out` unchanged.
#pragma once

#include "proto/scan.hpp"
#include "proto/wire.hpp"

#include <google/protobuf/arena.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace furrow::proto {

/// "17 runs, at most 16"
[[nodiscard]] std::string at_most(std::string_view what, std::uint64_t is, std::uint64_t limit);
[[nodiscard]] failure too_many(std::string_view what, std::uint64_t is, std::uint64_t limit);

[[nodiscard]] result<done> check_text(const std::string& text,
                                      std::string_view what,
                                      std::size_t bytes_max,
                                      bool may_be_empty = false);

/// The first failure of a list of checks. All checks run; each is cheap.
[[nodiscard]] result<done> first_failure(std::initializer_list<result<done>> all);

void append_length(std::size_t bytes, std::string& out);

template <class Envelope, class Message, class Check, class Fill>
result<done> write_envelope(const Message& what, Check check, Fill fill, std::string& out) {
  if (auto ok = std::visit(check, what); !ok)
    return ok;
  google::protobuf::Arena arena;
  auto& envelope = *google::protobuf::Arena::CreateMessage<Envelope>(&arena);
  std::visit([&](const auto& m) { fill(m, envelope); }, what);
  const auto bytes = envelope.ByteSizeLong();
  if (bytes > message_bytes_max)
    return too_many("bytes in a message", bytes, message_bytes_max);
  append_length(bytes, out);
  envelope.AppendToString(&out);
  return done{};
}

template <class Envelope, class Message, class Read, class Check>
result<Message> read_envelope(std::span<const std::uint8_t> bytes, Read read, Check check) {
  if (auto ok = scan(bytes, *Envelope::descriptor()); !ok)
    return ok.error();
  google::protobuf::Arena arena;
  auto& envelope = *google::protobuf::Arena::CreateMessage<Envelope>(&arena);
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return failure{errc::malformed, "not Protobuf"};
  result<Message> what = read(envelope);
  if (!what)
    return what;
  if (auto ok = std::visit(check, *what); !ok)
    return ok.error();
  return what;
}

} // namespace furrow::proto
