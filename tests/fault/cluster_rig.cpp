#include "tests/fault/cluster_rig.hpp"

#include "tests/support/data.hpp"
#include "tests/support/scratch_root.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/raw_socket.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>

#include <csignal>
#include <fstream>
#include <utility>

namespace furrow::tests {

namespace {

/// What stands behind `key` in the last line that has it.
std::string word_after(const std::string& text, const std::string& key) {
  const auto at = text.rfind(key);
  if (at == std::string::npos)
    return {};
  const auto from = at + key.size();
  return text.substr(from, text.find_first_of(" \n", from) - from);
}

std::filesystem::path cluster_folder() {
  std::string name = (scratch_root() / "furrow-cluster-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

} // namespace

cluster_rig::cluster_rig(std::string database, std::size_t nodes, std::vector<std::string> flags)
  : database_{std::move(database)}, flags_{std::move(flags)}, folder_{cluster_folder()},
    nodes_(nodes) {}

cluster_rig::~cluster_rig() {
  nodes_.clear();
  std::error_code ignored; // a folder of a test
  std::filesystem::remove_all(folder_, ignored);
}

void cluster_rig::start(std::size_t node, const std::string& database) {
  auto& one = nodes_[node];
  const auto name = "n" + std::to_string(node + 1);
  one.log = (folder_ / (name + "-" + std::to_string(++starts_) + ".log")).string();
  std::vector<std::string> arguments{
    "--node",   name,        "--database", database.empty() ? database_ : database,
    "--listen", one.gateway, "--http",     one.http};
  arguments.insert(arguments.end(), flags_.begin(), flags_.end());
  if (!one.advertised.empty())
    arguments.insert(arguments.end(), {"--advertise", one.advertised});
  arguments.insert(arguments.end(), one.flags.begin(), one.flags.end());
  const auto program = one.program.empty() ? std::string{FURROW_BIN_DIR} + "/furrowd" : one.program;
  one.process =
    std::make_unique<child_process>(program, arguments, one.log, "/dev/null", one.environment);
  const bool ready = eventually(std::chrono::seconds{30},
                                [&] { return !word_after(output(node), "http=").empty(); });
  REQUIRE_MESSAGE(ready, name << " does not say ready: " << output(node));
  one.gateway = word_after(output(node), "ready gateway=");
  one.http = word_after(output(node), "http=");
}

void cluster_rig::signal(std::size_t node, int number) const {
  nodes_[node].process->signal(number);
}

void cluster_rig::freeze(std::size_t node) const {
  signal(node, SIGSTOP);
  REQUIRE(eventually(std::chrono::seconds{5}, [&] { return stands_still(node); }));
}

bool cluster_rig::stands_still(std::size_t node) const {
  const auto state = "/proc/" + std::to_string(nodes_[node].process->pid()) + "/stat";
  return read_file(state).find(") T ") != std::string::npos;
}

void cluster_rig::wake(std::size_t node) const {
  signal(node, SIGCONT);
}

void cluster_rig::kill(std::size_t node) {
  signal(node, SIGKILL);
  REQUIRE(nodes_[node].process->wait());
  nodes_[node].process.reset();
}

std::optional<int> cluster_rig::end(std::size_t node, std::chrono::milliseconds limit) {
  const auto code = nodes_[node].process->wait(limit);
  if (code)
    nodes_[node].process.reset();
  return code;
}

bool cluster_rig::answers(std::size_t node) const {
  return get(node, "/health").find(" 200 ") != std::string::npos;
}

std::string cluster_rig::get(std::size_t node, const std::string& target) const {
  const auto& http = nodes_[node].http;
  raw_socket ask{static_cast<std::uint16_t>(std::stoi(http.substr(http.rfind(':') + 1)))};
  return ask.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
           ? ask.read_all(std::chrono::seconds{5})
           : std::string{};
}

std::vector<std::string> cluster_rig::gateways() const {
  std::vector<std::string> out;
  out.reserve(nodes_.size());
  for (const auto& one : nodes_)
    out.push_back(one.gateway);
  return out;
}

std::string cluster_rig::output(std::size_t node) const {
  return read_file(nodes_[node].log);
}

} // namespace furrow::tests
