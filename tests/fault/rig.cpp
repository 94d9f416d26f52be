#include "tests/fault/rig.hpp"

#include "tests/support/data.hpp"
#include "tests/support/scratch_root.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

namespace furrow::tests {

namespace {

const std::string programs = FURROW_BIN_DIR;

std::filesystem::path fresh_folder() {
  std::string name = (scratch_root() / "furrow-fault-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  return name;
}

std::string after(const std::string& text, const std::string& key) {
  const auto at = text.rfind(key);
  if (at == std::string::npos)
    return {};
  const auto from = at + key.size();
  return text.substr(from, text.find_first_of(" \n", from) - from);
}

} // namespace

rig::rig(std::string database, way_in how)
  : database_{std::move(database)}, how_{std::move(how)}, folder_{fresh_folder()} {
  if (database_ == "sqlite")
    database_ = "sqlite:" + (folder_ / "furrow.db").string();
}

rig::~rig() {
  edge_.reset();
  node_.reset();
  std::error_code ignored; // a folder of a test
  std::filesystem::remove_all(folder_, ignored);
}

void rig::start_node(const std::vector<std::string>& environment,
                     const std::vector<std::string>& flags) {
  node_log_ = (folder_ / ("node" + std::to_string(++starts_) + ".log")).string();
  std::vector<std::string> arguments{"--database", database_, "--listen",
                                     gateway_,     "--http",  http_};
  arguments.insert(arguments.end(), node_flags_.begin(), node_flags_.end());
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  node_ = std::make_unique<child_process>(programs + "/furrowd", arguments, node_log_, "/dev/null",
                                          environment);
  const bool ready =
    eventually(std::chrono::seconds{30}, [&] { return !after(node_output(), "http=").empty(); });
  REQUIRE_MESSAGE(ready, "the node does not say ready: " << node_output());
  gateway_ = after(node_output(), "ready gateway=");
  http_ = after(node_output(), "http=");
}

void rig::kill_node(int signal) {
  if (node_ == nullptr)
    return;
  node_->signal(signal);
  const auto code = node_->wait(std::chrono::seconds{40});
  REQUIRE(code);
  node_.reset();
  if (signal == SIGTERM)
    CHECK_MESSAGE(*code == 0, node_output());
}

void rig::signal_node(int signal) const {
  node_->signal(signal);
}

std::optional<int> rig::node_end(std::chrono::milliseconds limit) {
  const auto code = node_->wait(limit);
  if (code)
    node_.reset();
  return code;
}

std::string rig::node_output() const {
  return read_file(node_log_);
}

std::uint64_t rig::node_rss_bytes() const {
  std::ifstream statm{"/proc/" + std::to_string(node_->pid()) + "/statm"};
  std::uint64_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::filesystem::path rig::spool(const std::string& equipment) const {
  return folder_ / (equipment + ".spool");
}

void rig::start_edge(const std::string& equipment,
                     const std::filesystem::path& log,
                     const std::string& rate) {
  edge_log_ = (folder_ / (equipment + ".log")).string();
  std::vector<std::string> arguments{"run",
                                     "--node",
                                     gateway_,
                                     "--equipment",
                                     equipment,
                                     "--spool",
                                     spool(equipment).string(),
                                     "--from",
                                     log.string(),
                                     "--rate",
                                     rate,
                                     "--until-durable",
                                     "--timeout",
                                     "120"};
  arguments.insert(arguments.end(), how_.edge.begin(), how_.edge.end());
  edge_ = std::make_unique<child_process>(programs + "/furrow-edge", arguments, edge_log_);
}

void rig::kill_edge(int signal) {
  if (edge_ == nullptr)
    return;
  edge_->signal(signal);
  REQUIRE(edge_->wait());
  edge_.reset();
}

std::optional<int> rig::edge_end(std::chrono::milliseconds limit) {
  const auto code = edge_->wait(limit);
  if (code)
    edge_.reset();
  return code;
}

std::string rig::edge_output() const {
  return read_file(edge_log_);
}

std::string rig::furrow(const std::vector<std::string>& arguments, int& code) {
  const auto output = (folder_ / "furrow.out").string();
  std::filesystem::remove(output);
  std::vector<std::string> all{"--at", how_.scheme + "://" + http_};
  all.insert(all.end(), how_.furrow.begin(), how_.furrow.end());
  all.insert(all.end(), arguments.begin(), arguments.end());
  child_process child{programs + "/furrow", all, output};
  code = child.wait(std::chrono::seconds{120}).value_or(-1);
  return read_file(output);
}

ledger_line rig::ledger(const std::string& equipment) {
  int code = 0;
  std::string text;
  nlohmann::json rows;
  // A database that has just restarted may reject the first query: retry, as the answer says.
  const bool answered = eventually(std::chrono::seconds{10}, [&] {
    text = furrow({"ledger", equipment, "-o", "json"}, code);
    rows = nlohmann::json::parse(text, nullptr, false);
    return rows.is_array();
  });
  CAPTURE(text);
  REQUIRE(answered);
  CHECK(code == 0);
  ledger_line sum;
  for (const auto& row : rows) {
    sum.sent += row.at("sent").get<std::uint64_t>();
    sum.durable += row.at("durable").get<std::uint64_t>();
    sum.stored += row.at("stored").get<std::uint64_t>();
    sum.lost += row.at("lost").get<std::uint64_t>();
    sum.doubled += row.at("doubled").get<std::uint64_t>();
    ++sum.streams;
  }
  return sum;
}

std::string rig::difference(const std::string& equipment, const std::filesystem::path& log) {
  int code = 0;
  const auto stored = furrow({"frames", equipment, "-o", "candump"}, code);
  if (code != 0)
    return "furrow frames ended with " + std::to_string(code) + ": " + stored.substr(0, 200);
  const auto sent = read_file(log);
  if (stored == sent)
    return {};
  const auto [a, b] = std::mismatch(stored.begin(), stored.end(), sent.begin(), sent.end());
  const auto line = std::count(sent.begin(), b, '\n') + 1;
  return "differs from line " + std::to_string(line) + " on (" + std::to_string(stored.size())
         + " bytes stored, " + std::to_string(sent.size()) + " sent)";
}

std::optional<std::filesystem::path> long_log(const std::filesystem::path& folder,
                                              std::size_t frames) {
  std::string once;
  for (const char* name : {"idle10sec", "tractoronSitUp", "transmission1and2and3InGear"}) {
    const auto file = data_file("j1939/jd5055e/" + std::string{name} + ".candump.log");
    if (!file)
      return std::nullopt;
    once += read_file(*file);
  }
  const auto lines = static_cast<std::size_t>(std::count(once.begin(), once.end(), '\n'));
  const auto path = folder / "long.log";
  std::ofstream out{path, std::ios::binary};
  for (std::size_t written = 0; written < frames; written += lines)
    out << once;
  return path;
}

std::size_t lines_of(const std::filesystem::path& file) {
  const auto text = read_file(file);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace furrow::tests
