/// A node with users and tokens: raw HTTP and the gateway's messages, so that nothing of a client hides the answer.
///
/// Errors: a node that is not ready in time, and an answer that does not come, fail the test.
#pragma once

#include "tests/support/program.hpp"
#include "tests/tools/furrowd/gateway_client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::tests {

using json = nlohmann::json;

/// What is made or revoked at one node counts at every other one within this time.
inline constexpr std::chrono::seconds in_force{10};

struct http_answer_of_node {
  int status = 0;
  std::string head;
  json body;
};

class identity_node {
public:
  explicit identity_node(const std::string& database, const std::vector<std::string>& more = {})
    : process_{FURROW_BIN_DIR "/furrowd", flags(database, more), folder_.file("output")} {
    const auto up =
      eventually(node_patience, [&] { return output().find("\n", ready()) != std::string::npos; });
    REQUIRE_MESSAGE(up, "not ready: " << output());
    gateway_ = node_program::port_of(value_after(output(), "ready gateway="));
    http_ = node_program::port_of(value_after(output(), " http="));
  }

  /// A body that is a string is sent as it is.
  http_answer_of_node ask(const std::string& method,
                          const std::string& target,
                          const std::string& token,
                          const json& body = nullptr,
                          const std::string& fields = {}) const {
    const auto text = body.is_null()     ? std::string{}
                      : body.is_string() ? body.get<std::string>()
                                         : body.dump();
    raw_socket socket{http_};
    socket.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + fields
                + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
    const auto whole = socket.read_all(node_patience);
    const auto end = whole.find("\r\n\r\n");
    REQUIRE_MESSAGE(end != std::string::npos, "no answer to " << method << " " << target);
    return {std::stoi(whole.substr(whole.find(' ') + 1)), whole.substr(0, end),
            json::parse(whole.substr(end + 4), nullptr, false)};
  }
  int status(const std::string& method,
             const std::string& target,
             const std::string& token,
             const json& body = nullptr) const {
    return ask(method, target, token, body).status;
  }
  http_answer_of_node log_in(const std::string& user, const std::string& password) const {
    return ask("POST", "/api/v1/login", "", {{"user", user}, {"password", password}});
  }
  [[nodiscard]] std::uint16_t gateway_port() const { return gateway_; }
  [[nodiscard]] std::uint16_t http_port() const { return http_; }
  [[nodiscard]] std::string output() const { return process_.output(); }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(http_); }

private:
  static std::vector<std::string> flags(const std::string& database,
                                        const std::vector<std::string>& more) {
    std::vector<std::string> all{"--database", database,      "--listen",   "127.0.0.1:0",
                                 "--http",     "127.0.0.1:0", "--flush-ms", "10"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] std::size_t ready() const {
    const auto at = output().find("ready gateway=");
    return at == std::string::npos ? output().size() : at;
  }

  scratch_folder folder_;
  child_process process_;
  std::uint16_t gateway_ = 0;
  std::uint16_t http_ = 0;
};

struct ran {
  int exit_code = 0;
  std::string out;
  std::string errors;
};

inline ran run(const std::string& program_name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), FURROW_BIN_DIR "/" + program_name);
  auto done = program{std::move(arguments), {{{"HOME", "/nonexistent"}}}}.wait();
  return {done.exit_code, done.out, done.errors};
}

/// The password that `furrowd init` prints.
inline std::string init(const std::string& database) {
  const auto made = run("furrowd", {"init", "--database", database});
  REQUIRE_MESSAGE(made.exit_code == 0, made.errors);
  CHECK(made.out.find("user admin\n") == 0);
  return value_after(made.out, "password ");
}

inline std::string
session_of(const identity_node& at, const std::string& user, const std::string& password) {
  const auto answer = at.log_in(user, password);
  REQUIRE_MESSAGE(answer.status == 200, answer.body.dump());
  return answer.body.at("token");
}

inline std::string new_token(const identity_node& at, const std::string& admin, json wanted) {
  const auto answer = at.ask("POST", "/api/v1/tokens", admin, std::move(wanted));
  REQUIRE_MESSAGE(answer.status == 201, answer.body.dump());
  return answer.body.at("token");
}

/// A gateway's connection to any node.
class gateway_line {
public:
  gateway_line(const identity_node& at, const std::string& token, const std::string& machine)
    : socket_{at.gateway_port()} {
    auto hello = hello_of(machine, 0x61);
    hello.token = token;
    REQUIRE(socket_.send(wire_of(hello)));
  }
  std::optional<proto::message> next() {
    const auto prefix = socket_.read(proto::length_bytes, node_patience);
    if (!prefix)
      return std::nullopt;
    std::uint32_t length = 0;
    for (const char byte : *prefix)
      length = length << 8U | static_cast<std::uint8_t>(byte);
    const auto body = socket_.read(length, node_patience);
    REQUIRE(body);
    auto message = proto::decode({reinterpret_cast<const std::uint8_t*>(body->data()), length});
    REQUIRE(message);
    return std::move(*message);
  }
  template <class T>
  std::optional<T> next_of() {
    while (auto message = next())
      if (auto* wanted = std::get_if<T>(&*message))
        return *wanted;
    return std::nullopt;
  }

private:
  raw_socket socket_;
};

/// A client of the live stream, as events or as a WebSocket. The node has accepted it.
class live_client {
public:
  enum class form { events, websocket };
  live_client(const identity_node& at, const std::string& token, form as)
    : socket_{at.http_port()} {
    REQUIRE(socket_.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                         + token + "\r\n"
                         + (as == form::events ? ""
                                               : "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                                 "Sec-WebSocket-Version: 13\r\n"
                                                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                         + "\r\n"));
    const auto status = socket_.read(12, node_patience);
    REQUIRE(status);
    CHECK(*status == (as == form::events ? "HTTP/1.1 200" : "HTTP/1.1 101"));
  }
  bool is_cut_within(std::chrono::milliseconds limit) { return socket_.closes_within(limit); }

private:
  raw_socket socket_;
};

} // namespace furrow::tests
