#include "storage/homes/front.hpp"

#include "storage/postgres/connection/session.hpp"
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/homes/front_sql.hpp"

#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::storage {

namespace {

constexpr std::uint32_t first_step_with_homes = 28;

/// One pair of a connection string.
std::string quoted(const std::string& keyword, const std::string& value) {
  std::string out = keyword + "='";
  for (const char letter : value) {
    if (letter == '\'' || letter == '\\')
      out += '\\';
    out += letter;
  }
  return out + "'";
}

/// How the front reaches a home: where it is, not who asks.
void add_places(nlohmann::json& home, const front_wish& wish) {
  const auto url = home.at("number") == 0 ? wish.main : home.at("url").get<std::string>();
  nlohmann::json options = {
    {"async_capable", "true"}, {"fetch_size", "10000"}, {"connect_timeout", "5"}};
  for (const auto& [keyword, value] : places_of(url))
    options[keyword] = value;
  std::string proxied;
  for (const auto& [keyword, value] : options.items())
    if (keyword != "async_capable" && keyword != "fetch_size")
      proxied += (proxied.empty() ? "" : " ") + quoted(keyword, value.get<std::string>());
  nlohmann::json login = {{"user", wish.user}};
  if (wish.password.empty())
    login["password_required"] = "false";
  else
    login["password"] = wish.password;
  home["options"] = std::move(options);
  home["login"] = std::move(login);
  home["proxied"] = std::move(proxied);
}

store_options options_of(const std::string& url) {
  store_options out;
  out.url = url;
  out.application_name = "furrow/cli";
  return out;
}

/// Says on which side it failed.
failure at(const std::string& url, const failure& why) {
  return {why.code, redacted_postgres(url) + ": " + why.detail};
}

/// What main says of the homes and of its own schema, with how to reach each home.
result<nlohmann::json> describe(const front_wish& wish) {
  auto main = pq_session::open(options_of(wish.main), "front");
  if (!main)
    return main.error();
  const auto step = main->value("select coalesce(max(number), 0) from furrow.migration");
  if (!step)
    return step.error();
  if (std::stoul(*step) < first_step_with_homes)
    return failure{errc::misconfigured, "the schema of the main database is older than this "
                                        "program: `furrow db migrate` upgrades it"};
  const auto text = main->value(describe_sql);
  if (!text)
    return text.error();
  auto document = nlohmann::json::parse(*text);
  for (auto& home : document.at("homes"))
    add_places(home, wish);
  return document;
}

result<front_outcome> write_front(const front_wish& wish, const nlohmann::json& found) {
  auto front = pq_session::open(options_of(wish.front), "front");
  if (!front)
    return at(wish.front, front.error());
  const auto right = front->value("select rolsuper from pg_roles where rolname = current_user");
  if (!right)
    return at(wish.front, right.error());
  if (*right != "t")
    return at(wish.front, {errc::misconfigured, "only a superuser may write a front: PL/Proxy lets "
                                                "nobody else make functions"});
  const std::pair<const char*, std::vector<std::string>> steps[] = {
    {"begin", {}},
    {"create temp table given on commit drop as select $1::jsonb as document", {found.dump()}},
    {front_sql, {}},
    {"commit", {}}};
  for (const auto& [sql, parameters] : steps) {
    const auto ran = front->ask(sql, parameters);
    if (!ran)
      return at(wish.front, ran.error());
  }
  front_outcome out{{}, found.at("relations").size(), found.at("routines").size()};
  for (const auto& home : found.at("homes"))
    out.homes.push_back(home.at("name"));
  return out;
}

} // namespace

result<front_outcome> create_front(const front_wish& wish) {
  const auto found = describe(wish);
  return found ? write_front(wish, *found) : result<front_outcome>{at(wish.main, found.error())};
}

} // namespace furrow::storage
