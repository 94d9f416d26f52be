/// A running HTTP server on a fake node, and a client that sees every byte.
///
/// Threads: the server has two threads of its own; the client belongs to the test.
/// Limits: the client waits at most 20 s.
#pragma once

#include "tests/support/fake_node.hpp"
#include "tests/support/frames.hpp"
#include "tools/furrowd/front/server.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <future>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

namespace furrow::tests {

/// Two ECUs. One has an active and a cleared fault. The other is an implement with a boom of 12 m that
/// sends its yield and the states of its sections.
inline can::machine_report sample_report() {
  can::machine_monitor machine;
  constexpr std::int64_t start_us = 1'588'310'400'000'000;
  const auto feed = [&](std::string_view text, std::int64_t time_us) {
    machine.update(quoted_frame{text, time_us}.view());
  };
  feed("18EEFF00#0100E00D00840CA0", start_us);
  feed("18EEFF83#0200E0AF00840CA0", start_us);
  feed("18FECA00#0400BE0002FFFFFF", start_us - 1); // SPN 190 FMI 2, uncounted
  feed("18FECA00#04F36E000305FFFF", start_us);     // SPN 110 FMI 3, five times; amber, slow
  const auto pool = bytes_of("61"
                             "445643"
                             "0000"
                             "03414243"
                             "0131"
                             "0200E0AF00840CA0"
                             "00"
                             "41424344454647"
                             "656E50005555FF"
                             "444554"
                             "0100"
                             "01"
                             "04426F6F6D"
                             "0000"
                             "0000"
                             "0100"
                             "0200"
                             "445054"
                             "0200"
                             "4300"
                             "E02E0000"
                             "055769647468"
                             "0300"
                             "445650"
                             "0300"
                             "00000000"
                             "6F12833A"
                             "03"
                             "016D");
  can::assembled_message message;
  message.time_us = start_us;
  message.source = 0x83;
  message.pgn = can::pgn_process_data;
  message.data = pool;
  machine.update(message);
  feed("1CCBF783#0300540040420F00", start_us); // mass per area yield, 1,000,000 mg/m2
  feed("1CCBF783#0300A100F1FFFFFF", start_us); // sections 1 on, 2 off
  // The second DM1 clears the fault of the first one.
  auto report = machine.report();
  for (auto& one : report.cleared)
    one.cleared_us = start_us + 1'000'000;
  return report;
}

/// One equipment "T1" with a log of a few frames, one stream, three actors.
inline void furnish(fake_node& node) {
  auto& store = node.database;
  store.equipment = {{"default", "T1", 0xA00284000DE00001, 1, 3, 1'588'310'400'250'000},
                     {"default", "T2", std::nullopt, 1, 0, std::nullopt},
                     {"hill", "H1", std::nullopt, 1, 0, std::nullopt}};
  can::stream_id id{};
  id[15] = 7;
  store.rows = {{"default", "T1", id, 3, 3, 3, 0, 0, 0},
                {"default", "T2", id, 10, 8, 7, 1, 0, 1},
                {"hill", "H1", id, 1, 1, 1, 0, 0, 0}};
  store.migrations = {{1, "base", "abc", true, ""}, {2, "frames", "def", false, ""}};
  store.frame_count = 3;
  store.make_frame = [](can::frame_block& block, std::uint64_t seq) {
    const std::uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(seq)};
    const auto header =
      seq % 2 == 1 ? can::pack({.id = 0x18FEF100, .extended = true, .length = 8})
                   : can::pack({.id = 0x123, .length = 2, .direction = can::frame_direction::sent});
    if (!block.push(1'588'310'400'000'000 + static_cast<std::int64_t>(seq) * 1'000, header, bytes))
      throw std::logic_error{"the block is full"};
  };
  node.actor_rows = {{1, 0, "node", "running", 0, ""},
                     {2, 1, "writer-0", "running", 2, "connection lost"},
                     {3, 1, "equipment default/T1", "running", 0, ""},
                     {4, 1, "equipment hill/H1", "running", 0, ""}};
  actors::live_equipment live;
  live.farm = "default";
  live.equipment = "T1";
  live.connected = true;
  live.peer = "10.0.0.7:5555";
  live.received_seq = 5;
  live.durable_seq = 3;
  live.sent_seq = 9;
  live.frames = 5;
  can::live_state state;
  state.engine_speed_rpm = can::observed<double>{1'450.5, 1'588'310'400'500'000, 61'444, 0};
  state.last_frame_us = 1'588'310'400'500'000;
  live.state = std::make_shared<const can::live_state>(state);
  live.ecus = 2;
  live.faults_active = 1;
  auto other = live;
  other.farm = "hill";
  other.equipment = "H1";
  node.live = {live, other};
  node.reports["default/T1"] = sample_report();
  node.figures.frames_received = 1'000;
  node.figures.budget_bytes = 1U << 20U;
}

class http_front {
public:
  explicit http_front(fake_node& node, http::http_config config = {}) {
    config.port = 0;
    config.version = "0.1.0";
    server_.emplace(io_, std::move(config), node.parts());
    auto at = server_->start();
    if (!at)
      throw std::runtime_error{at.error().detail};
    at_ = *at;
    for (auto& thread : threads_)
      thread = std::thread{[this] { io_.run(); }};
  }
  ~http_front() {
    stop();
    work_.reset();
    for (auto& thread : threads_)
      thread.join();
  }
  http_front(const http_front&) = delete;
  http_front& operator=(const http_front&) = delete;

  [[nodiscard]] boost::asio::ip::tcp::endpoint at() const { return at_; }
  [[nodiscard]] std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(at_.port());
  }
  http::http_server& server() { return *server_; }

  /// Whether the server has stopped within the limit.
  bool stop(std::chrono::seconds limit = std::chrono::seconds{20}) {
    auto stopped = std::make_shared<std::promise<void>>();
    server_->stop([stopped] { stopped->set_value(); });
    return stopped->get_future().wait_for(limit) == std::future_status::ready;
  }

private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
    io_.get_executor()};
  std::optional<http::http_server> server_;
  boost::asio::ip::tcp::endpoint at_;
  std::thread threads_[2];
};

struct http_answer {
  int status = 0;                             // 0: the connection ended without an answer
  std::map<std::string, std::string> headers; // names in lower case
  std::string body;
  bool complete = false; // the body is complete
};

/// A plain TCP connection that sends exact bytes and reads answers unchanged.
class raw_client {
public:
  /// `from`: one of this machine's own addresses.
  explicit raw_client(boost::asio::ip::tcp::endpoint at, const std::string& from = "127.0.0.1")
    : socket_{io_, {boost::asio::ip::make_address(from), 0}} {
    socket_.connect(at);
    const timeval limit{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  /// False when the server has closed.
  bool send(std::string_view text) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(text.data(), text.size()), error);
    return !error;
  }

  /// Reads one answer; `head`: the answer has no body.
  http_answer read(bool head = false) {
    http_answer answer;
    std::string line = take_line();
    if (line.size() < 12)
      return answer;
    answer.status = std::stoi(line.substr(9, 3));
    for (line = take_line(); !line.empty(); line = take_line()) {
      const auto colon = line.find(": ");
      std::string name = line.substr(0, colon);
      for (auto& c : name)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.headers[name] = line.substr(colon + 2);
    }
    if (head || answer.status == 100 || answer.status == 304)
      answer.complete = true;
    else if (answer.headers.contains("transfer-encoding"))
      answer.complete = read_chunks(answer.body);
    else if (answer.headers.contains("content-length"))
      answer.complete = take(std::stoul(answer.headers["content-length"]), answer.body);
    else
      answer.complete = read_to_end(answer.body);
    return answer;
  }

  http_answer get(const std::string& target, const std::string& more = "") {
    send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more + "\r\n");
    return read();
  }
  http_answer
  post(const std::string& target, const std::string& more = "", const std::string& body = "") {
    send("POST " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body);
    return read();
  }

  /// Whether the server closes, without a further byte, within the limit of a read.
  bool closed() {
    char byte = 0;
    const auto count = ::recv(socket_.native_handle(), &byte, 1, 0);
    return buffer_.empty() && (count == 0 || (count < 0 && errno == ECONNRESET));
  }
  /// Reads and drops data until the server closes or the count is reached.
  std::size_t drain(std::size_t count) {
    std::size_t got = 0;
    while (got < count && (!buffer_.empty() || fill())) {
      got += buffer_.size();
      buffer_.clear();
    }
    return got;
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

private:
  bool fill() {
    char bytes[65'536];
    boost::system::error_code error;
    // recv itself, because Asio would wait on past SO_RCVTIMEO.
    const auto count = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (count <= 0)
      return false;
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  std::string take_line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos)
      if (!fill())
        return {};
    auto line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
  }
  bool take(std::size_t count, std::string& out) {
    while (buffer_.size() < count)
      if (!fill())
        return false;
    out.append(buffer_, 0, count);
    buffer_.erase(0, count);
    return true;
  }
  bool read_chunks(std::string& body) {
    while (true) {
      const auto line = take_line();
      if (line.empty())
        return false;
      const auto count = std::stoul(line, nullptr, 16);
      std::string end;
      if (!take(count, body) || !take(2, end))
        return false;
      if (count == 0)
        return true;
    }
  }
  bool read_to_end(std::string& body) {
    while (fill()) {
    }
    body = std::exchange(buffer_, {});
    return true;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

} // namespace furrow::tests
