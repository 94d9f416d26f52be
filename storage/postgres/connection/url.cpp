#include "storage/postgres/connection/url.hpp"

#include "storage/postgres/connection/pq.hpp"

#include <algorithm>
#include <memory>
#include <sstream>

namespace furrow::storage {

namespace {

using parsed_options = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;

parsed_options parse(const std::string& url, std::string& error) {
  char* message = nullptr;
  parsed_options options{PQconninfoParse(url.c_str(), &message), PQconninfoFree};
  if (message != nullptr)
    error = message;
  else if (!options)
    error = "out of memory";
  PQfreemem(message);
  return options;
}

/// libpq quotes the part that it could not parse, and that may be a password.
std::string without_quotation(std::string words) {
  words.erase(std::min(words.find('\n'), words.size()));
  for (const auto* before : {": \"", " after \"", " in \""})
    words.erase(std::min(words.find(before), words.size()));
  return words;
}

/// libpq marks what a dialogue should hide with '*'.
bool is_secret(const PQconninfoOption& option) {
  return option.dispchar != nullptr && option.dispchar[0] == '*';
}

std::vector<std::string> split(const char* list) {
  std::vector<std::string> parts;
  std::istringstream in{list != nullptr ? list : ""};
  for (std::string part; std::getline(in, part, ',');)
    parts.push_back(part);
  return parts;
}

} // namespace

std::vector<std::pair<std::string, std::string>> listed_hosts(const std::string& url) {
  std::string error;
  const auto options = parse(url, error);
  std::vector<std::string> hosts;
  std::vector<std::string> ports;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    const std::string_view keyword{option->keyword};
    if (keyword == "host")
      hosts = split(option->val);
    else if (keyword == "port")
      ports = split(option->val);
    else if (keyword == "hostaddr" && option->val != nullptr)
      return {};
  }
  std::vector<std::pair<std::string, std::string>> out;
  if (hosts.size() > 1)
    for (std::size_t i = 0; i < hosts.size(); ++i)
      out.emplace_back(hosts[i], i < ports.size() ? ports[i] : ports.empty() ? "" : ports.back());
  return out;
}

result<done> check_postgres_url(const std::string& url) {
  const bool looks_right =
    url.starts_with("postgresql://") || url.starts_with("postgres://")
    || (url.find('=') != std::string::npos && url.find("://") == std::string::npos);
  if (!looks_right)
    return failure{errc::misconfigured,
                   "not a database URL: postgresql://..., \"host=... dbname=...\" or sqlite:PATH"};
  std::string error;
  if (!parse(url, error))
    return failure{errc::misconfigured, "not a database URL: " + without_quotation(error)};
  return done{};
}

bool has_password(const std::string& url) {
  std::string error;
  const auto options = parse(url, error);
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option)
    if (option->val != nullptr && is_secret(*option))
      return true;
  return false;
}

std::vector<std::pair<std::string, std::string>> places_of(const std::string& url) {
  std::string error;
  const auto options = parse(url, error);
  std::vector<std::pair<std::string, std::string>> out;
  std::string user;
  bool named = false;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    const std::string_view keyword{option->keyword};
    if (option->val != nullptr && keyword == "user")
      user = option->val;
    named = named || (option->val != nullptr && keyword == "dbname");
    const bool who = keyword == "user" || is_secret(*option)
                     || keyword.ends_with("application_name") || keyword == "client_encoding";
    if (option->val != nullptr && !who)
      out.emplace_back(keyword, option->val);
  }
  if (!named && !user.empty()) // libpq calls the database like the user
    out.emplace_back("dbname", user);
  return out;
}

std::string redacted_postgres(const std::string& url) {
  std::string error;
  const auto options = parse(url, error);
  std::string out;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val == nullptr)
      continue;
    out += (out.empty() ? "" : " ") + std::string{option->keyword} + "="
           + (is_secret(*option) ? "***" : option->val);
  }
  return out.empty() ? "(unreadable database URL)" : out;
}

} // namespace furrow::storage
