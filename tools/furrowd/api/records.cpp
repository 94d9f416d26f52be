#include "storage/records.hpp"

#include "proto/text.hpp"
#include "storage/identity/password.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/records_json.hpp"
#include "tools/furrowd/api/record_post.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <random>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

struct records_request {
  storage::records_query query;
  std::optional<storage::records_cursor> after;
};

std::variant<records_request, problem> to_records_request(const call& call) {
  records_request wanted;
  auto& query = wanted.query;
  query.limit = page_rows_default;
  query.farm = call.who.farm;
  const auto* equipment = given(call, "equipment");
  const auto* kind = given(call, "kind");
  if (equipment == nullptr || equipment->empty())
    return problem{400, "missing_parameter", "the parameter equipment is missing",
                   "add equipment=NAME"};
  if (kind == nullptr)
    return problem{400, "missing_parameter", "the parameter kind is missing",
                   "add kind= one of " + can::record_kind_names() + ", or a number"};
  query.equipment = *equipment;
  const auto number = parse_kind(*kind);
  if (!number)
    return bad_parameter("kind", *kind, "use one of " + can::record_kind_names() + ", or a number");
  query.kind = *number;
  for (const auto& [name, end] : {std::pair{"from", &query.from_us}, std::pair{"to", &query.to_us}})
    if (const auto* text = given(call, name)) {
      *end = json_rows::parse_time(*text);
      if (!*end)
        return bad_parameter(name, *text,
                             "write times as 2026-05-01T06:30:00Z, at most with microseconds");
    }
  if (auto wrong = read_page_limit(call, query.limit))
    return *wrong;
  if (const auto* text = given(call, "after")) {
    wanted.after = parse_cursor(*text);
    if (!wanted.after)
      return bad_parameter("after", *text, "use `next` of the previous page");
  }
  return wanted;
}

answer records(api_context& of, call call) {
  auto wanted = to_records_request(call);
  if (const auto* wrong = std::get_if<problem>(&wanted))
    co_return to_response(*wrong);
  const auto& [query, after] = std::get<records_request>(wanted);
  if (!call.who.covers(query.equipment))
    co_return to_response(not_covered(query.equipment));
  const auto start = [&of, &wanted](auto done) {
    const auto& asked = std::get<records_request>(wanted);
    of.node.store.records()->read_records(asked.query, asked.after, std::move(done));
  };
  const auto said = co_await ask_store<storage::records_page>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& page = std::get<storage::records_page>(said);
  const auto* kind = can::find_record_kind(query.kind);
  json list = json::array();
  for (const auto& row : page.rows)
    list.push_back(to_json(row, kind));
  co_return ok({{"kind", kind_text(query.kind)},
                {"records", std::move(list)},
                {"next", page.next ? json(cursor_text(*page.next)) : json(nullptr)}});
}

/// A key for a client that gave none.
std::string random_key() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

/// Answers when the records are durable. The same key again is answered with what became of them.
answer post_records(api_context& of, call call) {
  const auto* equipment = given(call, "equipment");
  if (equipment == nullptr || !proto::is_name(*equipment))
    co_return to_response({400, "missing_parameter",
                           "the parameter equipment is missing or invalid",
                           "add equipment=NAME, 1 to 64 bytes without a slash"});
  if (!call.who.covers(*equipment))
    co_return to_response(not_covered(*equipment));
  const auto read = read_posted(call.body, given(call, "kind"));
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  const auto& posted = std::get<posted_records>(read);
  storage::record_batch batch{call.who.farm, *equipment, call.idempotency_key, posted.records};
  if (batch.key.empty())
    batch.key = random_key();
  const auto* kind = given(call, "kind");
  batch.sha256 = storage::sha256_of((kind == nullptr ? "" : *kind) + '\n' + call.body);
  const auto key = batch.key;
  storage::record_batch_outcome outcome;
  if (!batch.records.empty()) {
    const auto start = [&](auto done) {
      of.node.store.records()->insert_records(std::move(batch), std::move(done));
    };
    auto said = co_await ask_store<storage::record_batch_outcome>(start, answer_limit);
    if (auto* wrong = std::get_if<problem>(&said)) {
      if (wrong->status >= 500)
        wrong->hint = "send the request again with the header `Idempotency-Key: " + key + "`";
      co_return to_response(*wrong);
    }
    outcome = std::get<storage::record_batch_outcome>(std::move(said));
  }
  if (outcome.key_reused)
    co_return to_response(
      {422, "key_reused",
       fmt::format("the key \"{}\" was used for other records of \"{}\"", key, *equipment),
       "nothing was stored: send these records with a new key"});
  const auto made = posted_json(posted, outcome, key);
  if (!posted.many && made.at("stored") == 0)
    co_return to_response({400, "rejected_record",
                           made.at("records")[0].at("reason").get<std::string>(),
                           "/api/v1/openapi.json describes records"});
  co_return ok(made);
}

} // namespace

void add_record_routes(router& to, api_context& of) {
  const bool kept = of.node.store.records() != nullptr;
  to.add({"GET",
          "/api/v1/records",
          daemon::permission::read,
          {"equipment", "kind", "from", "to", "limit", "after"},
          on(of, kept ? records : not_kept)});
  to.add({"POST",
          "/api/v1/records",
          daemon::permission::send,
          {"equipment", "kind"},
          on(of, kept ? post_records : not_kept)});
}

} // namespace furrow::http
