/// The program furrowd as a child: where it listens, what it answers over HTTP, what it weighs.
///
/// Errors: a test that cannot go on fails with what the program said.
/// Limits: waits at most `node_patience` for anything.
#pragma once

#include "tests/support/eventually.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/raw_socket.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

inline constexpr std::chrono::seconds node_patience{20};

/// What follows `name` in a line of the program's output, up to a blank; empty when it is not there.
inline std::string value_after(const std::string& text, const std::string& name) {
  const auto at = text.find(name);
  if (at == std::string::npos)
    return {};
  const auto from = at + name.size();
  return text.substr(from, text.find_first_of(" \n", from) - from);
}

class node_program {
public:
  struct answer {
    int status = 0;
    std::string body;
  };

  /// On a new SQLite file, ports of its own, plus `more` flags.
  explicit node_program(const std::vector<std::string>& more = {})
    : process_{FURROW_BIN_DIR "/furrowd", flags(more), folder_.file("output")} {
    const auto up = eventually(
      node_patience, [&] { return process_.output().find("\n", output_of_ready()) != npos; });
    REQUIRE_MESSAGE(up, "not ready: " << process_.output());
    gateway_ = port_of(value_after(process_.output(), "ready gateway="));
    http_ = port_of(value_after(process_.output(), " http="));
  }

  [[nodiscard]] std::uint16_t gateway_port() const { return gateway_; }
  [[nodiscard]] std::uint16_t http_port() const { return http_; }
  [[nodiscard]] std::string database_url() const { return "sqlite:" + folder_.file("node.db"); }
  [[nodiscard]] std::string output() const { return process_.output(); }

  [[nodiscard]] answer get(const std::string& target) const { return http_get(http_, target); }

  [[nodiscard]] answer post(const std::string& target) const {
    return http_ask(http_, "POST", target, "Content-Length: 0\r\n");
  }

  static answer http_get(std::uint16_t port, const std::string& target) {
    return http_ask(port, "GET", target, "");
  }

  static answer http_ask(std::uint16_t port,
                         const std::string& method,
                         const std::string& target,
                         const std::string& fields,
                         const std::string& body = {}) {
    raw_socket socket{port};
    socket.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + fields + "\r\n" + body);
    const auto whole = socket.read_all(node_patience);
    const auto answered = whole.find("\r\n\r\n");
    REQUIRE_MESSAGE(answered != npos, "no answer to " << method << " " << target);
    return {std::stoi(whole.substr(whole.find(' ') + 1)), whole.substr(answered + 4)};
  }

  /// Memory that the program has allocated and holds in RAM. The pages of its own file do not count: they are read when
  /// a piece of code runs for the first time, in a debug build more than a MiB of them.
  [[nodiscard]] std::int64_t resident_bytes() const {
    const std::string wanted = "RssAnon:";
    std::ifstream in{"/proc/" + std::to_string(process_.pid()) + "/status"};
    for (std::string line; std::getline(in, line);)
      if (line.compare(0, wanted.size(), wanted) == 0)
        return std::stoll(line.substr(wanted.size())) * 1024;
    FAIL("the system does not say how much memory the node has");
    return 0;
  }

  /// Connections and files that it has open.
  [[nodiscard]] std::size_t open_files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(process_.pid()) + "/fd"})
      ++count;
    return count;
  }

  /// Its exit code when it ends by itself.
  std::optional<int> wait(std::chrono::milliseconds limit) { return process_.wait(limit); }

  void signal(int number) const { process_.signal(number); }

  /// Its exit code after SIGTERM.
  std::optional<int> end() {
    process_.signal(SIGTERM);
    return process_.wait(node_patience);
  }

  static std::uint16_t port_of(const std::string& address) {
    REQUIRE_MESSAGE(address.find(':') != npos, "no address: " << address);
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

private:
  static constexpr auto npos = std::string::npos;

  [[nodiscard]] std::size_t output_of_ready() const {
    const auto at = process_.output().find("ready gateway=");
    return at == npos ? process_.output().size() : at;
  }
  [[nodiscard]] std::vector<std::string> flags(const std::vector<std::string>& more) const {
    std::vector<std::string> all{"--database", database_url(), "--listen",   "127.0.0.1:0",
                                 "--http",     "127.0.0.1:0",  "--flush-ms", "10"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  scratch_folder folder_;
  child_process process_;
  std::uint16_t gateway_ = 0;
  std::uint16_t http_ = 0;
};

} // namespace furrow::tests
