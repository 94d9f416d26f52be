#include "can/dbc/decode.hpp"
#include "can/dbc/difference.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/frames.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/dbc/dbc_content.hpp"
#include "tools/furrowd/api/dbc/dbc_request.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/dbc_json.hpp"
#include "tools/json/number_json.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::size_t compared_max = 10'000;  // differences
constexpr std::size_t preview_frames = 5'000; // the newest of the machine
constexpr std::chrono::seconds preview_limit{30};

using compared_frames = std::vector<storage::stored_frame>;

/// The active file that this one would replace; nothing: it replaces none.
boost::asio::awaitable<std::variant<std::shared_ptr<const storage::stored_dbc>, problem>>
replaced_file(api_context& of, const call& call, const dbc_request& wanted) {
  std::shared_ptr<const storage::stored_dbc> none;
  const auto list = [&](auto done) { of.node.store.dbc()->list(std::move(done)); };
  const auto listed = co_await ask_store<std::vector<storage::stored_dbc>>(list, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&listed))
    co_return *wrong;
  for (const auto& one : std::get<std::vector<storage::stored_dbc>>(listed)) {
    if (!one.active || one.name != wanted.file.name || one.farm != wanted.target.farm
        || one.equipment != wanted.target.equipment || !sees_dbc(call, one))
      continue;
    const auto start = [&](auto done) { of.node.store.dbc()->read(one.id, std::move(done)); };
    auto said = co_await ask_store<storage::stored_dbc>(start, answer_limit);
    if (auto* wrong = std::get_if<problem>(&said))
      co_return std::move(*wrong);
    co_return std::make_shared<const storage::stored_dbc>(
      std::get<storage::stored_dbc>(std::move(said)));
  }
  co_return none;
}

/// The newest frames of the machine that the caller names; none without a name.
boost::asio::awaitable<std::variant<compared_frames, problem>> frames_to_decode(api_context& of,
                                                                                const call& call) {
  const auto* machine = given(call, "equipment");
  if (machine == nullptr || of.node.store.frames() == nullptr)
    co_return compared_frames{};
  if (!call.who.covers(*machine))
    co_return not_covered(*machine);
  const auto start = [&](auto done) {
    of.node.store.frames()->newest_frames(call.who.farm, *machine, preview_frames, std::move(done));
  };
  co_return co_await ask_store<compared_frames>(start, preview_limit);
}

/// A value, with all its digits.
struct shown_value {
  double number = 0;
  std::optional<can::whole_number> whole; // if `number` lacks digits of it

  friend bool operator<(const shown_value& left, const shown_value& right) {
    return left.whole && right.whole ? *left.whole < *right.whole : left.number < right.number;
  }
};

struct decoded_sum {
  std::string unit;
  std::uint64_t values = 0;
  std::uint64_t others = 0; // states that are no value: error, not available
  shown_value low;
  shown_value high;
  shown_value last;
};

struct decoded_frames {
  std::uint64_t known = 0;
  std::map<std::string, decoded_sum> signals; // by MESSAGE.signal
};

/// Single frames only: messages of several frames are not put together.
decoded_frames decode_all(const can::dbc_file& file, const compared_frames& frames) {
  decoded_frames made;
  const can::dbc_file* const files[] = {&file};
  const auto plan = can::decode_plan::compile(files);
  if (!plan)
    return made;
  std::vector<can::decoded_signal> values(plan->signals_max());
  for (const auto& frame : frames) {
    const can::frame_view view{frame.time_us, frame.header,
                               reinterpret_cast<const std::uint8_t*>(frame.payload.data())};
    const auto count = plan->decode(view, values);
    made.known += count > 0 ? 1 : 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& of = plan->signal_of(values[i]);
      auto& sum = made.signals[plan->messages()[of.message].name + "." + of.name];
      sum.unit = of.unit;
      if (values[i].state != can::signal_state::value) {
        ++sum.others;
        continue;
      }
      const shown_value value{values[i].physical, can::beyond_double(of, values[i])};
      sum.low = sum.values == 0 ? value : std::min(sum.low, value);
      sum.high = sum.values == 0 ? value : std::max(sum.high, value);
      sum.last = value;
      ++sum.values;
    }
  }
  return made;
}

json sum_json(const decoded_sum& of) {
  const auto number = [&](const shown_value& value) {
    return of.values > 0 ? json(json_rows::number_json(value.number, value.whole)) : json(nullptr);
  };
  return {{"values", of.values},
          {"others", of.others},
          {"min", number(of.low)},
          {"max", number(of.high)},
          {"last", number(of.last)}};
}

/// What the frames decode to with the new file, and with the one it replaces.
json preview_of(const can::dbc_file* before,
                const can::dbc_file& after,
                const compared_frames& frames) {
  const auto now = decode_all(after, frames);
  const auto was = before == nullptr ? decoded_frames{} : decode_all(*before, frames);
  json rows = json::array();
  const auto add = [&](const std::string& name, const decoded_sum* then, const decoded_sum* next) {
    rows.push_back({{"signal", name},
                    {"unit", (next != nullptr ? next : then)->unit},
                    {"before", then == nullptr ? json(nullptr) : sum_json(*then)},
                    {"after", next == nullptr ? json(nullptr) : sum_json(*next)}});
  };
  for (const auto& [name, sum] : now.signals) {
    const auto then = was.signals.find(name);
    add(name, then == was.signals.end() ? nullptr : &then->second, &sum);
  }
  for (const auto& [name, sum] : was.signals)
    if (!now.signals.contains(name))
      add(name, &sum, nullptr);
  return {{"frames", frames.size()},
          {"decoded", now.known},
          {"decoded_before", was.known},
          {"signals", std::move(rows)}};
}

std::string compared_text(const std::shared_ptr<const storage::stored_dbc>& replaced,
                          const can::dbc_file* before,
                          const can::dbc_file& after,
                          const compared_frames& frames) {
  json rows = json::array();
  bool complete = true;
  if (before != nullptr) {
    const auto found = can::differences(*before, after, compared_max + 1);
    complete = found.size() <= compared_max;
    for (std::size_t i = 0; i < std::min(found.size(), compared_max); ++i)
      rows.push_back(json_rows::to_json(found[i]));
  }
  const json body{{"replaces", replaced == nullptr ? json(nullptr) : json(replaced->id)},
                  {"differences", std::move(rows)},
                  {"complete", complete},
                  {"messages", after.messages.size()},
                  {"preview", frames.empty() ? json(nullptr) : preview_of(before, after, frames)}};
  return json_rows::to_text(body);
}

answer compare_new_dbc(api_context& of, call call) {
  const auto taken = co_await take_place(of.dbc_places, call.who.farm, of.stream_wait);
  if (!taken)
    co_return to_response(too_many_dbc());
  auto read = to_dbc_request(call);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  auto& wanted = std::get<dbc_request>(read);
  const auto replaced = co_await replaced_file(of, call, wanted);
  if (const auto* wrong = std::get_if<problem>(&replaced))
    co_return to_response(*wrong);
  const auto frames = co_await frames_to_decode(of, call);
  if (const auto* wrong = std::get_if<problem>(&frames))
    co_return to_response(*wrong);
  const auto after = co_await read_at_desk(
    of.desk, std::make_shared<const storage::stored_dbc>(std::move(wanted.file)));
  if (const auto* wrong = std::get_if<problem>(&after))
    co_return to_response(*wrong);
  read_dbc before;
  const auto& old = std::get<std::shared_ptr<const storage::stored_dbc>>(replaced);
  if (old != nullptr) {
    auto said = co_await read_at_desk(of.desk, old);
    if (const auto* wrong = std::get_if<problem>(&said))
      co_return to_response(*wrong);
    before = std::get<read_dbc>(std::move(said));
  }
  const std::function<std::string()> work =
    [old, before, now = std::get<read_dbc>(after),
     shown = std::make_shared<compared_frames>(std::get<compared_frames>(frames))] {
      return compared_text(old, before.get(), *now, *shown);
    };
  auto text = co_await work_at(of.desk, work, work_limit);
  if (!text)
    co_return to_response(desk_is_busy());
  response made;
  made.body = std::move(*text);
  co_return made;
}

} // namespace

void add_dbc_compare_route(router& to, api_context& of) {
  const bool kept = of.node.store.dbc() != nullptr;
  route made{"POST",
             "/api/v1/dbc/compare",
             daemon::permission::administer,
             {"name", "for", "encoding", "equipment"},
             on(of, kept ? compare_new_dbc : not_kept)};
  made.body_bytes_max = storage::dbc_file_bytes_max;
  to.add(std::move(made));
}

} // namespace furrow::http
