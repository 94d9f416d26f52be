#include "tools/furrowd/cache/summaries.hpp"

#include "actors/live/counters.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace asio = boost::asio;

namespace {

/// A new quarantined item must appear in the ledger at once: it changes the mark.
std::uint64_t mark_of(const actors::node_meter& meter) {
  const auto stats = meter.stats();
  return stats.items_quarantined * 2 + (stats.store_up ? 1 : 0);
}

template <class T>
bool read_field(const json& row, const char* name, T& out) {
  const auto found = row.find(name);
  if (found == row.end())
    return false;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!found->is_string())
      return false;
  } else if (!found->is_number_integer()) {
    return false;
  }
  found->get_to(out);
  return true;
}

json kept_state(const std::optional<storage::telemetry_point>& state) {
  if (!state)
    return nullptr;
  json values = json::array();
  for (const auto& value : state->values)
    values.push_back(value ? json(*value) : json(nullptr));
  return {{"time_us", state->time_us}, {"mode", state->mode}, {"values", std::move(values)}};
}

/// False when the row holds something that is no state.
bool read_state(const json& row, std::optional<storage::telemetry_point>& out) {
  const auto found = row.find("state");
  if (found == row.end() || found->is_null())
    return found != row.end();
  auto& state = out.emplace();
  const auto values = found->find("values");
  if (!found->is_object() || !read_field(*found, "time_us", state.time_us)
      || !read_field(*found, "mode", state.mode) || values == found->end() || !values->is_array()
      || values->size() != state.values.size())
    return false;
  for (std::size_t i = 0; i < state.values.size(); ++i) {
    const auto& value = (*values)[i];
    if (value.is_number())
      state.values[i] = value.get<double>();
    else if (!value.is_null())
      return false;
  }
  return true;
}

template <class T>
bool read_perhaps(const json& row, const char* name, std::optional<T>& out) {
  const auto found = row.find(name);
  if (found == row.end() || found->is_null())
    return found != row.end();
  return read_field(row, name, out.emplace());
}

} // namespace

std::string to_kept_text(const stored_rows& rows) {
  json list = json::array();
  for (const auto& row : rows)
    list.push_back({{"farm", row.farm},
                    {"name", row.name},
                    {"iso_name", row.iso_name ? json(*row.iso_name) : json(nullptr)},
                    {"streams", row.streams},
                    {"durable", row.durable},
                    {"last_us", row.last_frame_us ? json(*row.last_frame_us) : json(nullptr)},
                    {"state", kept_state(row.state)}});
  return json_rows::to_text(list);
}

std::optional<stored_rows> kept_equipment(const std::string& farm, std::string_view text) {
  const auto list = json::parse(text, nullptr, false);
  if (!list.is_array())
    return std::nullopt;
  stored_rows out;
  for (const auto& one : list) {
    auto& row = out.emplace_back();
    const bool sound =
      one.is_object() && read_field(one, "farm", row.farm) && read_field(one, "name", row.name)
      && read_perhaps(one, "iso_name", row.iso_name) && read_field(one, "streams", row.streams)
      && read_field(one, "durable", row.durable) && read_perhaps(one, "last_us", row.last_frame_us)
      && read_state(one, row.state) && row.farm == farm;
    if (!sound)
      return std::nullopt;
  }
  return out;
}

std::string to_kept_text(const farm_machines& farms) {
  return json_rows::to_text(farms);
}

std::optional<farm_machines> kept_farms(std::string_view text) {
  const auto list = json::parse(text, nullptr, false);
  if (!list.is_object())
    return std::nullopt;
  farm_machines out;
  for (const auto& [farm, names] : list.items()) {
    if (!names.is_array())
      return std::nullopt;
    auto& machines = out[farm];
    for (const auto& name : names) {
      if (!name.is_string())
        return std::nullopt;
      machines.push_back(name.get<std::string>());
    }
  }
  return out;
}

std::shared_ptr<const json> kept_ledger(const std::string& farm, std::string_view text) {
  auto list = std::make_shared<const json>(json::parse(text, nullptr, false));
  if (!list->is_array())
    return nullptr;
  for (const auto& row : *list) {
    std::string of;
    std::string equipment;
    if (!row.is_object() || !read_field(row, "farm", of) || !read_field(row, "equipment", equipment)
        || of != farm)
      return nullptr;
  }
  return list;
}

asio::awaitable<std::variant<stored_rows, problem>>
stored_equipment(summary_cache& cache,
                 storage::store& store,
                 const actors::node_meter& meter,
                 std::string farm,
                 std::chrono::milliseconds limit) {
  const cache_key key{farm, question_equipment};
  const auto mark = mark_of(meter);
  const auto known = co_await cache.find(key, mark);
  if (known)
    if (auto rows = kept_equipment(farm, *known))
      co_return std::move(*rows);
  summary_cache::ticket ticket{cache, key, mark};
  const auto start = [&](auto done) { store.list_equipment(farm, std::move(done)); };
  auto said = co_await ask<storage::result<stored_rows>>(start, limit);
  if (!said)
    co_return no_answer("database");
  if (!*said)
    co_return to_problem(said->error());
  // An empty farm means all farms: such an answer must not be shared.
  if (cache.on() && !farm.empty())
    ticket.put(to_kept_text(**said));
  co_return std::move(**said);
}

asio::awaitable<std::variant<farm_machines, problem>> every_farm(summary_cache& cache,
                                                                 storage::store& store,
                                                                 const actors::node_meter& meter,
                                                                 std::chrono::milliseconds limit) {
  const cache_key key{farm_of_node, question_farms};
  const auto mark = mark_of(meter);
  const auto known = co_await cache.find(key, mark);
  if (known)
    if (auto farms = kept_farms(*known))
      co_return std::move(*farms);
  summary_cache::ticket ticket{cache, key, mark};
  const auto start = [&](auto done) { store.list_equipment("", std::move(done)); };
  auto said = co_await ask<storage::result<stored_rows>>(start, limit);
  if (!said)
    co_return no_answer("database");
  if (!*said)
    co_return to_problem(said->error());
  farm_machines farms;
  for (auto& row : **said)
    farms[row.farm].push_back(std::move(row.name));
  if (cache.on())
    ticket.put(to_kept_text(farms));
  co_return farms;
}

asio::awaitable<std::variant<std::shared_ptr<const json>, problem>>
farm_ledger(summary_cache& cache,
            storage::store& store,
            const actors::node_meter& meter,
            std::string farm,
            std::chrono::milliseconds limit) {
  const cache_key key{farm, question_ledger};
  const auto mark = mark_of(meter);
  const auto known = co_await cache.find(key, mark);
  if (known)
    if (auto rows = kept_ledger(farm, *known))
      co_return rows;
  summary_cache::ticket ticket{cache, key, mark};
  const auto start = [&](auto done) { store.read_ledger(farm, "", std::move(done)); };
  auto said = co_await ask<storage::result<std::vector<storage::ledger_row>>>(start, limit);
  if (!said)
    co_return no_answer("database");
  if (!*said)
    co_return to_problem(said->error());
  auto list = std::make_shared<json>(json::array());
  for (const auto& row : **said)
    list->push_back(json_rows::to_json(row));
  if (cache.on() && !farm.empty())
    ticket.put(json_rows::to_text(*list));
  co_return std::shared_ptr<const json>{std::move(list)};
}

} // namespace furrow::http
