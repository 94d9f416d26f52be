#include "tools/furrowd/cache/summaries.hpp"

#include "can/text/json.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace asio = boost::asio;

namespace {

/// A new quarantined item must appear in the ledger at once: it changes the mark.
std::uint64_t mark_of(const actors::node_meter& meter) {
  return meter.items_quarantined() * 2 + (meter.is_store_up() ? 1 : 0);
}

template <class T>
bool read_field(const json& row, const char* name, T& out) {
  const auto found = row.find(name);
  if (found == row.end())
    return false;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!found->is_string())
      return false;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!found->is_boolean())
      return false;
  } else if (!found->is_number_integer()) {
    return false;
  }
  found->get_to(out);
  return true;
}

template <class T>
void append_or_null(std::string& out, std::string_view key, const std::optional<T>& value) {
  if (value)
    fmt::format_to(std::back_inserter(out), ",\"{}\":{}", key, *value);
  else
    fmt::format_to(std::back_inserter(out), ",\"{}\":null", key);
}

void append_kept_state(std::string& out, const std::optional<storage::telemetry_point>& state) {
  out += R"(,"state":)";
  if (!state) {
    out += "null";
    return;
  }
  fmt::format_to(std::back_inserter(out), R"({{"time_us":{},"mode":)", state->time_us);
  can::text::append_json_text(out, state->mode);
  out += R"(,"values":)";
  char before = '[';
  for (const auto& value : state->values) {
    out += std::exchange(before, ',');
    if (value && std::isfinite(*value))
      fmt::format_to(std::back_inserter(out), "{}", *value);
    else
      out += "null";
  }
  out += "]}";
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
  std::string out{'['};
  out.reserve(rows.size() * 512);
  for (const auto& row : rows) {
    out += out.size() == 1 ? R"({"farm":)" : R"(,{"farm":)";
    can::text::append_json_text(out, row.farm);
    out += R"(,"name":)";
    can::text::append_json_text(out, row.name);
    append_or_null(out, "iso_name", row.iso_name);
    append_or_null(out, "streams", std::optional{row.streams});
    append_or_null(out, "durable", std::optional{row.durable});
    append_or_null(out, "last_us", row.last_frame_us);
    append_or_null(out, "relayed", std::optional{row.relayed});
    append_kept_state(out, row.state);
    out += '}';
  }
  out += "]\n";
  return out;
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
      && read_field(one, "relayed", row.relayed) && read_state(one, row.state) && row.farm == farm;
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

namespace {

std::size_t bytes_of(const stored_rows& rows) {
  std::size_t bytes = rows.capacity() * sizeof(storage::equipment_row);
  for (const auto& row : rows)
    for (const auto* text : {&row.farm, &row.name})
      bytes += text->capacity() < sizeof(std::string) ? 0 : text->capacity();
  return bytes;
}

/// The rows as they are kept: in order, so that nobody has to sort them again.
query_cache::value rows_answer(stored_rows rows) {
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  if (!std::is_sorted(rows.begin(), rows.end(), by_name))
    std::stable_sort(rows.begin(), rows.end(), by_name);
  rows.shrink_to_fit(); // a large list, at twice its size, would be too large to keep
  const auto bytes = bytes_of(rows);
  return to_answer(std::move(rows), bytes);
}

/// Asks the database for the rows of a farm. They are kept, and told to all who wait, on the store's thread: who asked
/// may have gone meanwhile. The text for other nodes is not made there, because it would hold up the store.
std::shared_ptr<summary_cache::ticket> start_read(summary_cache& cache,
                                                  storage::store& store,
                                                  const summary_cache::read_list::lead& lead) {
  const auto& key = lead->key;
  auto held = std::make_shared<summary_cache::ticket>(cache, key, lead->mark);
  store.list_equipment(
    key.farm, [of = cache.shared_from_this(), held, lead](storage::result<stored_rows> said) {
      if (!said)
        return of->reads().land(lead, to_problem(said.error()));
      const auto answer = rows_answer(std::move(*said));
      held->keep(answer);
      of->reads().land(lead, answer);
    });
  return held;
}

/// Asks the database for newer rows, which come into the cache; nobody waits for them.
void read_anew(summary_cache& cache,
               storage::store& store,
               const actors::node_meter& meter,
               const std::string& farm) {
  const cache_key key{farm, question_equipment};
  if (cache.is_asked(key))
    return;
  const auto lead = cache.reads().join(key, mark_of(meter), {}, query_cache::clock::now());
  if (lead) // without an answer the next caller asks
    (void)start_read(cache, store, lead);
}

/// For one caller only: without a cache, and of all farms, which nobody may share.
asio::awaitable<std::variant<shared_rows, problem>>
read_alone(storage::store& store, std::string farm, std::chrono::milliseconds limit) {
  const auto start = [&](auto done) { store.list_equipment(farm, std::move(done)); };
  auto said = co_await ask<storage::result<stored_rows>>(start, limit);
  if (!said)
    co_return no_answer("database");
  if (!*said)
    co_return to_problem(said->error());
  co_return rows_in<stored_rows>(rows_answer(std::move(**said)));
}

/// Texts are kept as they are, and read by each who asks.
query_cache::value text_answer(const std::string& text) {
  return to_answer(text, text.capacity());
}

} // namespace

asio::awaitable<std::variant<shared_rows, problem>>
stored_equipment(summary_cache& cache,
                 storage::store& store,
                 const actors::node_meter& meter,
                 std::string farm,
                 std::chrono::milliseconds limit) {
  if (!cache.on() || farm.empty())
    co_return co_await read_alone(store, std::move(farm), limit);
  const cache_key key{farm, question_equipment};
  const auto mark = mark_of(meter);
  summary_cache::reader read = [&farm](const std::string& text) -> query_cache::value {
    auto rows = kept_equipment(farm, text);
    return rows ? rows_answer(std::move(*rows)) : nullptr;
  };
  const auto known = co_await cache.find(key, mark, std::move(read));
  if (auto rows = rows_in<stored_rows>(known))
    co_return rows;
  if (auto rows = rows_in<stored_rows>(cache.find_meanwhile(key, mark)))
    co_return rows;
  std::shared_ptr<summary_cache::ticket> led;
  const auto start = [&](auto done) {
    const auto lead = cache.reads().join(key, mark, std::move(done), query_cache::clock::now());
    if (lead)
      led = start_read(cache, store, lead);
  };
  auto said = co_await ask<summary_cache::outcome>(start, limit);
  if (!said)
    co_return no_answer("database");
  if (auto* const wrong = std::get_if<problem>(&*said))
    co_return std::move(*wrong);
  const auto& answer = std::get<query_cache::value>(*said);
  auto rows = rows_in<stored_rows>(answer);
  if (led)
    led->share(answer, [&rows] { return to_kept_text(*rows); });
  co_return rows;
}

asio::awaitable<std::variant<shared_rows, problem>>
stored_equipment_soon(summary_cache& cache,
                      storage::store& store,
                      const actors::node_meter& meter,
                      std::string farm,
                      std::chrono::milliseconds limit) {
  const auto known = cache.find_aged({farm, question_equipment});
  auto rows = rows_in<stored_rows>(known.answer);
  if (rows == nullptr)
    co_return co_await stored_equipment(cache, store, meter, std::move(farm), limit);
  if (known.age >= std::max(cache.ttl(), cache.aged() / 2))
    read_anew(cache, store, meter, farm);
  co_return rows;
}

asio::awaitable<std::variant<farm_machines, problem>> every_farm(summary_cache& cache,
                                                                 storage::store& store,
                                                                 const actors::node_meter& meter,
                                                                 std::chrono::milliseconds limit) {
  const cache_key key{farm_of_node, question_farms};
  const auto mark = mark_of(meter);
  summary_cache::reader read = text_answer;
  const auto known = co_await cache.find(key, mark, std::move(read));
  if (const auto text = rows_in<std::string>(known))
    if (auto farms = kept_farms(*text))
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
  if (cache.on()) {
    auto text = to_kept_text(farms);
    ticket.put(text_answer(text), [&text] { return text; });
  }
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
  summary_cache::reader read = text_answer;
  const auto known = co_await cache.find(key, mark, std::move(read));
  if (const auto text = rows_in<std::string>(known))
    if (auto rows = kept_ledger(farm, *text))
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
  if (cache.on() && !farm.empty()) {
    auto text = json_rows::to_text(*list);
    ticket.put(text_answer(text), [&text] { return text; });
  }
  co_return std::shared_ptr<const json>{std::move(list)};
}

} // namespace furrow::http
