/// The messages of the live stream as bytes: a JSON object for a WebSocket, an event for `text/event-stream`.
///
/// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::http {

enum class stream_form : std::uint8_t { websocket, events };

/// `id`: by which a client resumes; empty: none.
[[nodiscard]] inline std::string
stream_text(stream_form form, std::string_view type, std::string_view id, std::string&& json) {
  if (form == stream_form::websocket)
    return std::move(json);
  std::string out;
  out.reserve(json.size() + type.size() + id.size() + 32);
  out += "event: ";
  out += type;
  if (!id.empty()) {
    out += "\nid: ";
    out += id;
  }
  out += "\ndata: "; // the JSON has no line end
  out += json;
  out += "\n\n";
  return out;
}

} // namespace furrow::http
