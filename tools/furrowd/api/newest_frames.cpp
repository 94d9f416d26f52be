#include "storage/frames.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/frames_body.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds newest_limit{30};
constexpr std::size_t frames_default = 100;

std::optional<std::size_t> parse_last(const std::string& text) {
  std::size_t count = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || at != end || count == 0 || count > storage::newest_frames_max)
    return std::nullopt;
  return count;
}

std::string
text_of(const std::vector<storage::stored_frame>& frames, frames_format format, bus_names names) {
  frame_text form{format, std::move(names)};
  std::string out;
  form.begin(out);
  for (const auto& frame : frames) {
    const can::frame_view view{frame.time_us, frame.header,
                               reinterpret_cast<const std::uint8_t*>(frame.payload.data())};
    const auto bus = frame.bus.empty() ? "can" + std::to_string(frame.header.bus()) : frame.bus;
    form.append(out, view, frame.seq, form.written(bus));
  }
  form.finish(out);
  return out;
}

answer newest_frames(api_context& of, call call) {
  const auto& name = call.path.at("name");
  if (!call.who.covers(name))
    co_return to_response(not_covered(name));
  std::optional<std::size_t> count{frames_default};
  if (const auto* text = given(call, "last")) {
    count = parse_last(*text);
    if (!count)
      co_return to_response(
        bad_parameter("last", *text, fmt::format("it is 1 to {}", storage::newest_frames_max)));
  }
  auto format = frames_format::candump;
  if (const auto* text = given(call, "format")) {
    const auto known = parse_frames_format(*text);
    if (!known)
      co_return to_response(bad_parameter("format", *text, frames_format_hint));
    format = *known;
  }
  const auto start = [&](auto done) {
    of.node.store.frames()->newest_frames(call.who.farm, name, *count, std::move(done));
  };
  const auto found = co_await ask_store<std::vector<storage::stored_frame>>(start, newest_limit);
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  response made;
  set_form(made, format, name);
  made.body = text_of(std::get<std::vector<storage::stored_frame>>(found), format,
                      {&of.node.dbc, call.who.farm, name});
  co_return made;
}

} // namespace

void add_newest_frames_route(router& to, api_context& of) {
  const bool kept = of.node.store.frames() != nullptr;
  to.add({"GET",
          "/api/v1/equipment/{name}/frames",
          daemon::permission::read,
          {"last", "format"},
          on_history(of, kept ? newest_frames : not_kept)});
}

} // namespace furrow::http
