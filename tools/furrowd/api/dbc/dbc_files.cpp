#include "storage/dbc/dbc_files.hpp"

#include "can/dbc/difference.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/dbc/dbc_content.hpp"
#include "tools/furrowd/api/dbc/dbc_reach.hpp"
#include "tools/furrowd/api/dbc/dbc_rows.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/dbc_json.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::size_t differences_max = 10'000;
/// Definitions of a large file are written to the database as rows.
constexpr std::chrono::minutes change_limit{2};

using stored = std::shared_ptr<const storage::stored_dbc>;

/// The file of that id with its content, if the caller sees it. The caller holds a place.
boost::asio::awaitable<std::variant<stored, problem>>
read_file(api_context& of, const call& call, const char* parameter, std::string text) {
  const auto id = parse_dbc_id(parameter, text);
  if (const auto* wrong = std::get_if<problem>(&id))
    co_return *wrong;
  const auto start = [&](auto done) {
    of.node.store.dbc()->read(std::get<std::int32_t>(id), std::move(done));
  };
  auto said = co_await ask_store<storage::stored_dbc>(start, answer_limit);
  if (auto* wrong = std::get_if<problem>(&said))
    co_return wrong->status == 404 ? no_such_dbc(text) : std::move(*wrong);
  auto& file = std::get<storage::stored_dbc>(said);
  if (!sees_dbc(call, file))
    co_return no_such_dbc(text);
  co_return std::make_shared<const storage::stored_dbc>(std::move(file));
}

constexpr std::array<std::string_view, 8> dbc_keys{"id",        "name",   "for",     "farm",
                                                   "equipment", "active", "version", "loaded"};

answer list_dbc(api_context& of, call call) {
  const auto asked = read_row_page(call, dbc_keys);
  if (const auto* wrong = std::get_if<problem>(&asked))
    co_return to_response(*wrong);
  const auto& page = std::get<row_page_wish>(asked);
  const auto start = [&](auto done) { of.node.store.dbc()->list(std::move(done)); };
  const auto said = co_await ask_store<std::vector<storage::stored_dbc>>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  json list = json::array();
  for (const auto& file : std::get<std::vector<storage::stored_dbc>>(said))
    if (sees_dbc(call, file))
      list.push_back(row_json(file));
  const auto next = page.is_given() ? cut_to_page(list, page, "id") : json(nullptr);
  json body{{"dbc", std::move(list)}};
  if (page.is_given())
    body["next"] = next;
  co_return ok(body);
}

answer show_dbc(api_context& of, call call) {
  auto taken = co_await take_place(of.dbc_places, call.who.farm, of.stream_wait);
  if (!taken)
    co_return to_response(too_many_dbc());
  auto found = co_await read_file(of, call, "id", call.path.at("id"));
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  const auto row = row_json(*std::get<stored>(found));
  auto read = co_await read_at_desk(of.desk, std::get<stored>(std::move(found)));
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  response made;
  made.stream = content_body(of.desk, row, std::get<read_dbc>(std::move(read)), std::move(taken));
  co_return made;
}

answer dbc_bytes(api_context& of, call call) {
  auto taken = co_await take_place(of.dbc_places, call.who.farm, of.stream_wait);
  if (!taken)
    co_return to_response(too_many_dbc());
  auto found = co_await read_file(of, call, "id", call.path.at("id"));
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  const auto& file = *std::get<stored>(found);
  response made;
  made.content_type = "text/plain";
  made.headers.emplace_back("Content-Disposition", disposition_of(file.name));
  made.stream = bytes_body(file.content, std::move(taken));
  co_return made;
}

struct parsed_file {
  std::int32_t id = 0;
  read_dbc content;
};

boost::asio::awaitable<std::variant<parsed_file, problem>>
read_parsed(api_context& of, const call& call, const char* parameter, std::string text) {
  auto found = co_await read_file(of, call, parameter, std::move(text));
  if (auto* wrong = std::get_if<problem>(&found))
    co_return std::move(*wrong);
  parsed_file made;
  made.id = std::get<stored>(found)->id;
  auto read = co_await read_at_desk(of.desk, std::get<stored>(std::move(found)));
  if (auto* wrong = std::get_if<problem>(&read))
    co_return std::move(*wrong);
  made.content = std::get<read_dbc>(std::move(read));
  co_return made;
}

answer compare_dbc(api_context& of, call call) {
  const auto* with = given(call, "with");
  if (with == nullptr)
    co_return to_response(
      {400, "missing_parameter", "the parameter with is missing", "add with=ID of the other file"});
  const auto taken = co_await take_place(of.dbc_places, call.who.farm, of.stream_wait);
  if (!taken)
    co_return to_response(too_many_dbc());
  const auto before = co_await read_parsed(of, call, "id", call.path.at("id"));
  if (const auto* wrong = std::get_if<problem>(&before))
    co_return to_response(*wrong);
  const auto after = co_await read_parsed(of, call, "with", *with);
  if (const auto* wrong = std::get_if<problem>(&after))
    co_return to_response(*wrong);
  const std::function<std::string()> work = [from = std::get<parsed_file>(before),
                                             to = std::get<parsed_file>(after)] {
    const auto found = can::differences(*from.content, *to.content, differences_max + 1);
    json rows = json::array();
    for (std::size_t i = 0; i < std::min(found.size(), differences_max); ++i)
      rows.push_back(json_rows::to_json(found[i]));
    const json body{{"id", from.id},
                    {"with", to.id},
                    {"differences", std::move(rows)},
                    {"complete", found.size() <= differences_max}};
    return json_rows::to_text(body);
  };
  auto text = co_await work_at(of.desk, work, work_limit);
  if (!text)
    co_return to_response(desk_is_busy());
  response made;
  made.body = std::move(*text);
  co_return made;
}

/// The row of the path, if the caller may change it.
boost::asio::awaitable<std::variant<storage::stored_dbc, problem>> changed_row(api_context& of,
                                                                               const call& call) {
  const auto id = parse_dbc_id("id", call.path.at("id"));
  if (const auto* wrong = std::get_if<problem>(&id))
    co_return *wrong;
  auto found = co_await dbc_row(of, call, std::get<std::int32_t>(id));
  if (const auto* file = std::get_if<storage::stored_dbc>(&found))
    if (auto refused = may_change_dbc(call, file->farm, file->equipment))
      co_return std::move(*refused);
  co_return found;
}

answer activate_dbc(api_context& of, call call) {
  const auto found = co_await changed_row(of, call);
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  const auto id = std::get<storage::stored_dbc>(found).id;
  const auto start = [&](auto done) {
    of.node.store.dbc()->activate(id, author_of(call), std::move(done));
  };
  const auto said = co_await ask_store<done>(start, change_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(wrong->status == 404 ? no_such_dbc(std::to_string(id)) : *wrong);
  const auto now = co_await dbc_row(of, call, id);
  if (const auto* wrong = std::get_if<problem>(&now))
    co_return to_response(*wrong);
  co_return ok(row_json(std::get<storage::stored_dbc>(now)));
}

answer remove_dbc(api_context& of, call call) {
  const auto found = co_await changed_row(of, call);
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  const auto id = std::get<storage::stored_dbc>(found).id;
  const auto start = [&](auto done) {
    of.node.store.dbc()->remove(id, author_of(call), std::move(done));
  };
  const auto said = co_await ask_store<done>(start, change_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(wrong->status == 404 ? no_such_dbc(std::to_string(id)) : *wrong);
  const json body{{"id", id}, {"removed", true}};
  co_return ok(body);
}

} // namespace

boost::asio::awaitable<std::variant<storage::stored_dbc, problem>>
dbc_row(api_context& of, const call& call, std::int32_t id) {
  const auto start = [&](auto done) { of.node.store.dbc()->list(std::move(done)); };
  auto said = co_await ask_store<std::vector<storage::stored_dbc>>(start, answer_limit);
  if (auto* wrong = std::get_if<problem>(&said))
    co_return std::move(*wrong);
  for (auto& file : std::get<std::vector<storage::stored_dbc>>(said))
    if (file.id == id && sees_dbc(call, file))
      co_return std::move(file);
  co_return no_such_dbc(std::to_string(id));
}

void add_dbc_routes(router& to, api_context& of) {
  using enum daemon::permission;
  const bool kept = of.node.store.dbc() != nullptr;
  const auto add = [&](const char* method, const char* pattern, daemon::permission needs,
                       std::vector<std::string> parameters, answer (*run)(api_context&, call)) {
    route made{method, pattern, needs, std::move(parameters), on(of, kept ? run : not_kept)};
    made.of_one_farm = false;
    to.add(std::move(made));
  };
  add("GET", "/api/v1/dbc", read, {"sort", "limit", "after"}, list_dbc);
  add("GET", "/api/v1/dbc/{id}", read, {}, show_dbc);
  add("GET", "/api/v1/dbc/{id}/file", read, {}, dbc_bytes);
  add("GET", "/api/v1/dbc/{id}/differences", read, {"with"}, compare_dbc);
  add("POST", "/api/v1/dbc/{id}/activate", administer, {}, activate_dbc);
  add("DELETE", "/api/v1/dbc/{id}", administer, {}, remove_dbc);
}

} // namespace furrow::http
