/// Goal: an export of a long time needs little memory, at the node and in `furrow export`, whatever comes out.
///
/// Method: two million frames, whose text has more than twice the bytes that a program may hold. The memory of the running
///   program is read again and again: a program that held the whole answer would be seen. A reader that stops in the
///   middle shows that the node makes no more than was taken.
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace can = furrow::can;
namespace fs = std::filesystem;
using namespace furrow::storage;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t frames_of_block = 40'000;
constexpr std::uint64_t frames_kept = 50 * frames_of_block;
constexpr std::int64_t node_growth_max = 32 << 20;
constexpr std::int64_t command_bytes_max = 64 << 20;

/// Engine speed and wheel speed, a thousand of each a second.
can::frame_block busy_block(std::int64_t time_us) {
  can::frame_block block;
  const auto engine = can::pack({.id = 0x0CF00400, .extended = true, .length = 8});
  const auto wheels = can::pack({.id = 0x18FEF100, .extended = true, .length = 8});
  bool fits = true;
  for (std::uint64_t i = 0; i < frames_of_block; ++i) {
    std::array<std::uint8_t, 8> data{0xFF, 0, 0x14, 0, 0x28, 0xFF, 0xFF, 0xFF};
    data[1] = static_cast<std::uint8_t>(i);
    data[3] = static_cast<std::uint8_t>(i >> 3U);
    fits = fits
           && block.push(time_us + static_cast<std::int64_t>(i) * 500, i % 2 == 0 ? engine : wheels,
                         data.data());
  }
  REQUIRE(fits);
  return block;
}

/// A machine with all these frames. The tests share it.
const store_bed& busy_bed() {
  static const auto bed = [] {
    auto made = make_bed();
    const auto store = made->open_migrated();
    const auto claimed = claim(*store, request_for("T1", 1)).claim;
    const auto lane = store->open_appender("w0");
    for (std::uint64_t seq = 0; seq < frames_kept; seq += frames_of_block)
      REQUIRE(append(
        *lane, {append_of(claimed, seq,
                          busy_block(record_start_us + static_cast<std::int64_t>(seq) * 500))}));
    plain_digest{*store}.run_all(); // which tells the columns of --wide
    return made;
  }();
  return *bed;
}

/// What a program has allocated and holds in RAM; 0: it has ended.
std::int64_t allocated(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
  const std::string wanted = "RssAnon:";
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(wanted))
      return std::stoll(line.substr(wanted.size())) * 1024;
  return 0;
}

/// The most that a program holds while this lives.
class memory_watch {
public:
  explicit memory_watch(pid_t pid)
    : looks_{[this, pid](const std::stop_token& over) {
        while (!over.stop_requested()) {
          most_ = std::max(most_.load(), allocated(pid));
          std::this_thread::sleep_for(1ms);
        }
      }} {}
  [[nodiscard]] std::int64_t most() const { return most_; }

private:
  std::atomic<std::int64_t> most_ = 0;
  std::jthread looks_;
};

/// A node on the database, which has nothing to digest.
struct busy_node {
  busy_node() {
    REQUIRE_MESSAGE(eventually(node_patience, [&] { return port() != 0; }), process.output());
    REQUIRE(eventually(60s, [&] {
      const auto text = node_program::http_get(port(), "/metrics").body;
      const auto at = text.find("\nfurrow_digest_items_behind");
      return at != std::string::npos && text.substr(text.find(' ', at), 3) == " 0\n";
    }));
  }
  [[nodiscard]] std::uint16_t port() const {
    const auto address = value_after(process.output(), " http=");
    const auto colon = address.rfind(':');
    return colon == std::string::npos
             ? std::uint16_t{0}
             : static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)));
  }
  scratch_folder folder;
  child_process process{FURROW_BIN_DIR "/furrowd",
                        {"--node", "n1", "--database", busy_bed().url(), "--listen", "127.0.0.1:0",
                         "--http", "127.0.0.1:0"},
                        folder.file("node")};
};

/// Reads an answer without keeping it, until it has so many bytes. Returns how many came.
std::uint64_t read_on(raw_socket& socket, std::uint64_t bytes) {
  constexpr std::size_t piece = 64U << 10U;
  std::uint64_t got = 0;
  while (got < bytes && socket.read(piece, node_patience))
    got += piece;
  return got;
}

std::string request_for_frames(const std::string& more) {
  return "GET /api/v1/frames?equipment=T1" + more
         + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
}

} // namespace

TEST_CASE("export: a node that gives two million frames holds no more than a reader takes") {
  const busy_node node;
  for (const std::string format : {"candump", "jsonl", "csv"}) {
    CAPTURE(format);
    { // what a first answer leaves
      raw_socket first{node.port()};
      first.send(request_for_frames("&last=100&format=" + format));
      (void)first.read_all(node_patience);
    }
    const auto before = allocated(node.process.pid());
    const memory_watch watch{node.process.pid()};
    raw_socket socket{node.port()};
    socket.send(request_for_frames("&format=" + format));
    constexpr std::uint64_t some = 4U << 20U;
    CHECK(read_on(socket, some) == some);
    std::this_thread::sleep_for(2s); // nobody reads: a node that goes on would hold the rest now
    const auto bytes = some + read_on(socket, ~std::uint64_t{0} - some);
    CHECK(bytes > 2 * static_cast<std::uint64_t>(node_growth_max));
    CHECK(bytes > 40 * frames_kept); // all of them
    CHECK(watch.most() - before < node_growth_max);
    MESSAGE(format << ": " << bytes << " bytes, the node grew by " << watch.most() - before);
  }
}

TEST_CASE("furrow export: frames and signals of a long time need little memory") {
  const auto& bed = busy_bed();
  const scratch_folder folder;
  for (const std::vector<std::string>& kind :
       {std::vector<std::string>{"frames"}, {"signals"}, {"signals", "--wide"}})
    for (const std::string ending : {"csv", "jsonl", "parquet"}) {
      CAPTURE(kind.back());
      CAPTURE(ending);
      const auto file = folder.file("out." + ending);
      auto words = kind;
      words.insert(words.begin(), "export");
      words.insert(words.end(), {"--database", bed.url(), "--equipment", "T1", "-o", file});
      child_process furrow{FURROW_BIN_DIR "/furrow", words, folder.file("said")};
      std::int64_t most = 0;
      {
        const memory_watch watch{furrow.pid()};
        REQUIRE(furrow.wait(120s) == 0);
        most = watch.most();
      }
      CHECK(most > 0);
      CHECK(most < command_bytes_max);
      if (ending != "parquet") // which is packed
        CHECK(fs::file_size(file) > static_cast<std::uintmax_t>(command_bytes_max));
      MESSAGE(kind.back() << " as " << ending << ": " << fs::file_size(file) << " bytes, memory "
                          << most);
      fs::remove(file);
    }
}
