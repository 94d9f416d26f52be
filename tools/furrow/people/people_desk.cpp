#include "tools/furrow/people/people_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace furrow::cli {

namespace {

class node_desk : public people_desk {
public:
  explicit node_desk(const globals& globals) : globals_{globals} {}

  result<json> users(const std::string& farm, const list_wish& wish) override {
    return pages(farm, "users", wish);
  }
  result<json> user(const person_name& who) override {
    return ask(who.farm, "GET", "/api/v1/users/" + encoded(who.name));
  }
  result<json> add_user(const json& wanted) override {
    return ask({}, "POST", "/api/v1/users", wanted);
  }
  result<json> change_user(const person_name& who, const json& change) override {
    return ask(who.farm, "PATCH", "/api/v1/users/" + encoded(who.name), change);
  }
  result<json> remove_user(const person_name& who) override {
    return ask(who.farm, "DELETE", "/api/v1/users/" + encoded(who.name));
  }
  result<json> tokens(const std::string& farm, const list_wish& wish) override {
    return pages(farm, "tokens", wish);
  }
  result<json> add_token(const json& wanted) override {
    return ask({}, "POST", "/api/v1/tokens", wanted);
  }
  result<json> revoke_token(const person_name& which) override {
    return ask(which.farm, "DELETE", "/api/v1/tokens/" + encoded(which.name));
  }
  result<json> audit(const std::string& farm, std::size_t limit) override {
    auto answer = ask(farm, "GET", fmt::format("/api/v1/audit?limit={}", limit));
    return answer ? result<json>{answer->at("audit")} : answer;
  }

private:
  result<json> ask(const std::string& farm,
                   const char* method,
                   const std::string& target,
                   const json& body = json::object()) {
    auto asked = globals_;
    if (!farm.empty())
      asked.farm = farm;
    const auto client = node_client::from(asked);
    if (!client)
      return client.error();
    return std::string_view{method} == "GET" ? client->get(target)
                                             : client->send(method, target, body);
  }
  result<json> pages(const std::string& farm, const char* list, const list_wish& wish) {
    constexpr std::size_t page_rows = 1'000;
    auto all = json::array();
    std::string after;
    for (bool more = true; more;) {
      const auto left = wish.limit == 0 ? page_rows : wish.limit - all.size();
      const list_wish part{wish.sort, std::min(left, page_rows)};
      const auto page = ask(farm, "GET", with_wish(std::string{"/api/v1/"} + list, part) + after);
      if (!page)
        return page.error();
      for (const auto& row : page->at(list))
        all.push_back(row);
      const auto& next = page->at("next");
      more = !next.is_null() && (wish.limit == 0 || all.size() < wish.limit);
      if (more)
        after = "&after=" + encoded(next.at("after").get<std::string>())
                + "&after_farm=" + encoded(next.at("after_farm").get<std::string>());
    }
    return all;
  }

  globals globals_;
};

} // namespace

person_name named(const std::string& text, const std::string& farm) {
  const auto slash = text.find('/');
  if (slash == std::string::npos)
    return {farm, text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

result<std::unique_ptr<people_desk>> open_desk(const globals& globals, const std::string& url) {
  if (!url.empty())
    return database_desk(globals, url);
  return std::unique_ptr<people_desk>{std::make_unique<node_desk>(globals)};
}

} // namespace furrow::cli
