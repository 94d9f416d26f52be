#include "tools/furrow/client.hpp"

#include "storage/farm/json_check.hpp"
#include "tools/furrow/interrupt.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <curl/curl.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

using clock = std::chrono::steady_clock;
constexpr std::uint64_t body_bytes_max = 256U << 20U;

std::string farm_hint(const std::string& assumed) {
  return fmt::format("this token is for every farm, and the farm {} was asked: --farm NAME or "
                     "FURROW_FARM names another",
                     assumed);
}

/// Once, however many pages an answer has.
void tell_assumed_farm(const std::string& assumed) {
  static bool told = false;
  if (!assumed.empty() && !std::exchange(told, true))
    note(farm_hint(assumed));
}

/// The target with the farm, where the route is about one.
std::string with_farm(const std::string& target, const std::string& farm) {
  if (farm.empty() || !target.starts_with("/api/"))
    return target;
  return target + (target.find('?') == std::string::npos ? '?' : '&') + "farm=" + encoded(farm);
}

/// Returns a node's error object as one line; other answers are reported by their status.
failure refused(unsigned status,
                const std::string& body,
                const std::string& url,
                const std::string& assumed_farm) {
  const auto code = status == 404                    ? errc::not_found
                    : status == 408 || status == 504 ? errc::timed_out
                                                     : errc::failed;
  const auto parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("error") || !parsed["error"].is_object())
    return {code, fmt::format("{} answered with status {} and no message (is this a Furrow node?)",
                              url, status)};
  const auto message = parsed["error"].value("message", "no message");
  // An invalid value of the command line that only the node could recognise.
  const bool usage = parsed["error"].value("code", "") == "bad_parameter";
  auto hint = parsed["error"].value("hint", "");
  if (!assumed_farm.empty())
    hint += (hint.empty() ? "" : "; ") + farm_hint(assumed_farm);
  return {usage ? errc::usage : code,
          hint.empty() ? message : fmt::format("{} ({})", message, hint)};
}

} // namespace

/// One request and its answer, on its own connection.
class exchange {
public:
  exchange(const node_client& client,
           const char* method,
           const std::string& target,
           const node_client::sink* sink,
           const std::string& sent = {})
    : client_{client}, sink_{sink} {
    const auto& to = client.address_;
    const bool v6 = to.host.find(':') != std::string::npos;
    const auto url =
      fmt::format("{}://{}{}{}:{}{}{}", to.tls ? "https" : "http", v6 ? "[" : "", to.host,
                  v6 ? "]" : "", to.port, to.path, with_farm(target, client.farm_));
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_NOPROXY, "*"); // a proxy for a browser is not for nodes
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "furrow");
    set(CURLOPT_CUSTOMREQUEST, method);
    header("Connection: close");
    if (!client.token_.empty())
      header("Authorization: Bearer " + client.token_);
    if (!sent.empty() || std::strcmp(method, "POST") == 0) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(sent.size()));
      set(CURLOPT_COPYPOSTFIELDS, sent.c_str());
      header(sent.empty() ? "Content-Type:" : "Content-Type: application/json");
    }
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (!client.authorities_.empty())
      set(CURLOPT_CAINFO, client.authorities_.c_str());
    set(CURLOPT_WRITEFUNCTION, &exchange::written);
    set(CURLOPT_WRITEDATA, this);
  }

  result<done> run() {
    const std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> loop{curl_multi_init(),
                                                                     &curl_multi_cleanup};
    curl_multi_add_handle(loop.get(), easy_.get());
    const auto ended = converse(loop.get());
    curl_multi_remove_handle(loop.get(), easy_.get());
    if (!ended)
      silent();
    else if (*ended != CURLE_OK && !enough_)
      broken(*ended);
    status = static_cast<unsigned>(get<long>(CURLINFO_RESPONSE_CODE));
    curl_header* farm = nullptr;
    if (curl_easy_header(easy_.get(), "Furrow-Assumed-Farm", 0, CURLH_HEADER, -1, &farm)
        == CURLHE_OK)
      assumed_farm = farm->value;
    return failure_ ? result<done>{*failure_} : result<done>{done{}};
  }

  unsigned status = 0;
  std::string body;         // of an answer that does not go to the sink
  std::string assumed_farm; // the farm that was asked because none was named

private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  template <class T>
  [[nodiscard]] T get(CURLINFO what) const {
    T value{};
    curl_easy_getinfo(easy_.get(), what, &value);
    return value;
  }
  void header(const std::string& line) {
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
  }
  void fail(errc code, std::string detail) { failure_ = failure{code, std::move(detail)}; }

  /// Returns how the transfer ended, or nothing if the node was silent for too long.
  std::optional<CURLcode> converse(CURLM* loop) {
    auto heard = clock::now();
    for (curl_off_t moved = 0;;) {
      int running = 0;
      curl_multi_perform(loop, &running);
      if (running == 0)
        break;
      if (interrupted() || (client_.stop_ && client_.stop_())) {
        enough_ = true;
        return CURLE_OK;
      }
      const auto now_moved = get<curl_off_t>(CURLINFO_SIZE_UPLOAD_T)
                             + get<curl_off_t>(CURLINFO_SIZE_DOWNLOAD_T)
                             + get<long>(CURLINFO_HEADER_SIZE) + (connected() ? 1 : 0);
      if (std::exchange(moved, now_moved) != now_moved)
        heard = clock::now();
      const auto left = heard + client_.timeout_ - clock::now();
      if (left <= clock::duration::zero())
        return std::nullopt;
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      const std::int64_t wait_max = client_.stop_ || notes_interrupts() ? 100 : 1'000;
      curl_multi_poll(loop, nullptr, 0, static_cast<int>(std::min<std::int64_t>(wait, wait_max)),
                      nullptr);
    }
    int left = 0;
    const auto* told = curl_multi_info_read(loop, &left);
    return told == nullptr ? CURLE_FAILED_INIT : told->data.result;
  }

  [[nodiscard]] bool connected() const {
    return get<curl_off_t>(client_.address_.tls ? CURLINFO_APPCONNECT_TIME_T
                                                : CURLINFO_CONNECT_TIME_T)
           > 0;
  }

  void silent() {
    if (!connected())
      unreachable("no answer within the time-out", connect_hint);
    else
      fail(errc::timed_out,
           fmt::format("{} was silent for {} s (a larger --timeout waits longer)", client_.url_,
                       static_cast<double>(client_.timeout_.count()) / 1e3));
  }

  void broken(CURLcode why) {
    const auto system = get<long>(CURLINFO_OS_ERRNO);
    const std::string reason = why == CURLE_COULDNT_CONNECT && system != 0
                                 ? std::generic_category().message(static_cast<int>(system))
                                 : curl_easy_strerror(why);
    if (why == CURLE_SSL_CACERT_BADFILE)
      fail(errc::failed,
           fmt::format("{}: {} (--ca takes a PEM file)", client_.authorities_, reason));
    else if (why == CURLE_PEER_FAILED_VERIFICATION || why == CURLE_SSL_CONNECT_ERROR)
      unreachable(reason, "--ca FILE names the authority that signed the node's certificate");
    else if (!connected())
      unreachable(reason, connect_hint);
    else if (received_ > 0)
      fail(errc::failed,
           fmt::format("{} cut its answer short after {} bytes: {} (the node's log says why)",
                       client_.url_, received_, reason));
    else if (!failure_)
      fail(errc::failed,
           fmt::format("{} did not answer: {} (is this a Furrow node?)", client_.url_, reason));
  }
  void unreachable(const std::string& why, const char* hint) {
    fail(errc::cannot_connect,
         fmt::format("cannot connect to {}: {} ({})", client_.url_, why, hint));
  }

  static std::size_t written(const char* data, std::size_t size, std::size_t count, void* self) {
    const std::string_view text{data, size * count};
    return static_cast<exchange*>(self)->take(text) ? text.size() : CURL_WRITEFUNC_ERROR;
  }

  bool take(std::string_view text) {
    status = static_cast<unsigned>(get<long>(CURLINFO_RESPONSE_CODE));
    received_ += text.size();
    if (sink_ != nullptr && status == 200) {
      enough_ = !(*sink_)(text);
      return !enough_;
    }
    if (body.size() + text.size() > body_bytes_max) {
      enough_ = true;
      fail(errc::failed, fmt::format("{} sent an answer of more than 256 MiB", client_.url_));
      return false;
    }
    body += text;
    return true;
  }

  static constexpr const char* connect_hint =
    "is furrowd running there? --at URL or FURROW_AT sets the node";

  const node_client& client_;
  const node_client::sink* sink_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_{curl_easy_init(), &curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       &curl_slist_free_all};
  std::uint64_t received_ = 0;
  bool enough_ = false; // the sink wants no more, or the answer is too long
  std::optional<failure> failure_;
};

std::string connect_fault(const std::string& address, std::chrono::milliseconds limit) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{curl_easy_init(),
                                                                 &curl_easy_cleanup};
  curl_easy_setopt(easy.get(), CURLOPT_URL, ("http://" + address).c_str());
  curl_easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limit.count()));
  const auto ended = curl_easy_perform(easy.get());
  long system = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &system);
  if (ended == CURLE_OK)
    return {};
  return ended == CURLE_COULDNT_CONNECT && system != 0
           ? std::generic_category().message(static_cast<int>(system))
           : curl_easy_strerror(ended);
}

std::string encoded(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                       || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      safe += c;
    else
      safe += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return safe;
}

result<node_client::address> node_client::parse(const std::string& url) {
  const failure wrong{
    errc::usage, fmt::format("--at \"{}\" is not the address of a node (write http://HOST:PORT or "
                             "https://HOST:PORT)",
                             url)};
  address parsed;
  std::string_view rest = url;
  if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else
    return wrong;
  parsed.tls = url.starts_with("https");
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos)
    parsed.path = rest.substr(slash, rest.find_last_not_of('/') + 1 - slash);
  rest = rest.substr(0, slash);
  std::string_view port;
  if (rest.starts_with('[') && rest.find(']') != std::string_view::npos) {
    parsed.host = rest.substr(1, rest.find(']') - 1);
    port = rest.substr(rest.find(']') + 1);
  } else {
    parsed.host = rest.substr(0, rest.find(':'));
    port = rest.substr(parsed.host.size());
  }
  if (port.starts_with(':'))
    parsed.port = port.substr(1);
  else if (port.empty())
    parsed.port = parsed.tls ? "443" : "80";
  if (parsed.host.empty() || parsed.port.empty() || parsed.port.size() > 5
      || parsed.port.find_first_not_of("0123456789") != std::string::npos
      || url.find_first_of(" ?#@\r\n\t") != std::string::npos)
    return wrong;
  return parsed;
}

std::string node_client::address_fault(const std::string& url) {
  const auto address = parse(url);
  return address ? std::string{} : address.error().detail;
}

result<node_client> node_client::from(const globals& globals) {
  if (globals.context_fault)
    return *globals.context_fault;
  auto address = parse(globals.at);
  if (!address)
    return address.error();
  auto token = globals.bearer_token();
  if (!token)
    return token.error();
  if (token->find_first_of("\r\n") != std::string::npos)
    return failure{errc::usage, "the token contains a line break (a token is one line of text)"};
  node_client client;
  client.url_ = globals.at;
  client.address_ = std::move(*address);
  client.token_ = std::move(*token);
  client.authorities_ = globals.authorities;
  client.farm_ = globals.node_farm();
  client.timeout_ = globals.timeout();
  return client;
}

result<json> node_client::call(const char* method,
                               const std::string& target,
                               int also,
                               const std::string& body) const {
  exchange exchange{*this, method, target, nullptr, body};
  const auto ended = exchange.run();
  if (!ended)
    return ended.error();
  if (interrupted())
    return failure{errc::failed, "interrupted"};
  if (exchange.status / 100 != 2 && static_cast<int>(exchange.status) != also)
    return refused(exchange.status, exchange.body, url_, exchange.assumed_farm);
  tell_assumed_farm(exchange.assumed_farm);
  auto parsed = json::parse(storage::shield_numbers(exchange.body), nullptr, false);
  if (parsed.is_discarded())
    return failure{errc::failed,
                   fmt::format("{} did not answer in JSON (is this a Furrow node?)", url_)};
  return parsed;
}

result<json> node_client::get(const std::string& target, int also) const {
  return call("GET", target, also);
}

result<json> node_client::post(const std::string& target) const {
  return call("POST", target, 0);
}

result<json>
node_client::send(const char* method, const std::string& target, const json& body) const {
  return call(method, target, 0, body.is_null() ? "" : storage::unshield_numbers(body.dump()));
}

result<done> node_client::stream(const std::string& target, const sink& taker) const {
  exchange exchange{*this, "GET", target, &taker};
  const auto ended = exchange.run();
  if (!ended)
    return ended.error();
  if (stop_ && stop_())
    return done{};
  if (exchange.status != 200)
    return refused(exchange.status, exchange.body, url_, exchange.assumed_farm);
  tell_assumed_farm(exchange.assumed_farm);
  return done{};
}

} // namespace furrow::cli
