#include "storage/dbc/dbc_files.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/dbc/dbc_content.hpp"
#include "tools/furrowd/api/dbc/dbc_reach.hpp"
#include "tools/furrowd/api/dbc/dbc_request.hpp"
#include "tools/furrowd/api/dbc/dbc_rows.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/dbc_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

/// Definitions of a large file are written to the database as rows.
constexpr std::chrono::minutes load_limit{5};
constexpr std::size_t warnings_max = 20;

struct warning_list {
  json first = json::array();
  std::size_t count = 0;
};

/// The file is parsed here for its warnings; the store keeps none.
boost::asio::awaitable<std::variant<warning_list, problem>>
warnings_of(api_context& of, std::shared_ptr<const storage::stored_dbc> file) {
  auto read = co_await read_at_desk(of.desk, std::move(file));
  if (auto* wrong = std::get_if<problem>(&read))
    co_return std::move(*wrong);
  const auto& parsed = *std::get<read_dbc>(read);
  warning_list made;
  made.count = parsed.warning_count;
  for (std::size_t i = 0; i < std::min(parsed.warnings.size(), warnings_max); ++i)
    made.first.push_back(json_rows::to_json(parsed.warnings[i]));
  co_return made;
}

/// What is wrong with the target; the store says only that it does not find it.
problem unknown_target(const dbc_target& target, std::string said) {
  if (!target.equipment.empty())
    return no_such_equipment(target.equipment);
  if (target.scope == target.farm + "/")
    return {404, "no_such_farm",
            fmt::format("there is no farm \"{}\" in the database", target.farm),
            "a farm is added when its first machine connects"};
  return {404, "not_found", std::move(said), "use for=FARM/MACHINE, or for=FARM with farm=FARM"};
}

answer load_dbc(api_context& of, call call) {
  const auto taken = co_await take_place(of.dbc_places, call.who.farm, of.stream_wait);
  if (!taken)
    co_return to_response(too_many_dbc());
  auto read = to_dbc_request(call);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  auto& wanted = std::get<dbc_request>(read);
  const auto target = wanted.target;
  const auto file = std::make_shared<storage::stored_dbc>(std::move(wanted.file));
  const auto warnings = co_await warnings_of(of, file);
  if (const auto* wrong = std::get_if<problem>(&warnings))
    co_return to_response(*wrong);
  const auto start = [&](auto done) {
    storage::dbc_upload upload{file->name, target.scope, std::move(file->content), file->encoding};
    of.node.store.dbc()->load(std::move(upload), author_of(call), std::move(done));
  };
  const auto said = co_await ask_store<storage::dbc_load_outcome>(start, load_limit);
  if (const auto* wrong = std::get_if<problem>(&said)) {
    if (wrong->status == 404)
      co_return to_response(unknown_target(target, wrong->message));
    co_return to_response(*wrong);
  }
  const auto& outcome = std::get<storage::dbc_load_outcome>(said);
  const auto row = co_await dbc_row(of, call, outcome.id);
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  const auto& listed = std::get<warning_list>(warnings);
  auto body = row_json(std::get<storage::stored_dbc>(row));
  body["added"] = outcome.added;
  body["warnings"] = listed.first;
  body["warning_count"] = listed.count;
  co_return ok(body, 201);
}

} // namespace

std::variant<dbc_request, problem> to_dbc_request(call& call) {
  dbc_request wanted;
  constexpr std::size_t name_bytes_max = 255;
  const auto* name = given(call, "name");
  if (name == nullptr || name->empty())
    return problem{400, "missing_parameter", "the parameter name is missing",
                   "add name=FILE.dbc: a file of the same name for the same machines is replaced"};
  if (name->size() > name_bytes_max || name->find('/') != std::string::npos)
    return bad_parameter("name", *name,
                         fmt::format("it has 1 to {} bytes without a slash", name_bytes_max));
  wanted.file.name = *name;
  if (const auto* text = given(call, "encoding")) {
    const auto encoding = json_rows::parse_encoding(*text);
    if (!encoding)
      return bad_parameter("encoding", *text, "it is auto, utf8 or cp1252");
    wanted.file.encoding = *encoding;
  }
  auto target = dbc_target_of(call, given(call, "for"));
  if (auto* wrong = std::get_if<problem>(&target))
    return std::move(*wrong);
  wanted.target = std::get<dbc_target>(std::move(target));
  if (call.body.empty())
    return problem{400, "empty_body", "the body is empty",
                   "send the bytes of the file: curl --data-binary @FILE.dbc"};
  wanted.file.content = std::move(call.body);
  return wanted;
}

void add_dbc_load_route(router& to, api_context& of) {
  const bool kept = of.node.store.dbc() != nullptr;
  route made{"POST",
             "/api/v1/dbc",
             daemon::permission::administer,
             {"name", "for", "encoding"},
             on(of, kept ? load_dbc : not_kept)};
  made.body_bytes_max = storage::dbc_file_bytes_max;
  to.add(std::move(made));
}

} // namespace furrow::http
