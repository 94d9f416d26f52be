// The memory of a monitor: a fleet has ten thousand monitors, and most are idle.
#include "can/live/machine_monitor.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

// Counts the allocations of C++ code.
namespace {
std::atomic<std::size_t> held{0};
std::atomic<std::size_t> allocations{0};
} // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr)
    throw std::bad_alloc{};
  held += malloc_usable_size(block);
  ++allocations;
  return block;
}
void operator delete(void* block) noexcept {
  if (block == nullptr)
    return;
  held -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t /*size*/) noexcept {
  operator delete(block);
}

namespace {

using namespace furrow::can;

constexpr std::size_t kibibyte = 1024;

/// The log as blocks of this number of frames.
std::vector<frame_block> blocks_of(const std::string& log, std::size_t frames) {
  std::vector<frame_block> blocks;
  furrow::tests::for_each_frame(log, [&](const frame_view& frame) {
    if (blocks.empty() || blocks.back().size() == frames)
      blocks.emplace_back();
    if (!blocks.back().push(frame.time_us, frame.header, frame.data)) {
      blocks.emplace_back();
      (void)blocks.back().push(frame.time_us, frame.header, frame.data);
    }
  });
  return blocks;
}

} // namespace

TEST_CASE("monitor memory: a silent machine takes less than 8 KiB") {
  const auto before = held.load();
  const auto machine = std::make_unique<machine_monitor>();
  const auto bytes = held - before;
  MESSAGE("a fresh monitor: " << bytes << " bytes");
  CHECK(bytes >= sizeof(machine_monitor));
  CHECK(bytes <= 8 * kibibyte);
}

TEST_CASE("monitor memory: a steady tractor takes little memory, and no allocation per frame") {
  const auto path = furrow::tests::data_file("j1939/jd5055e/tractoronSitUp.candump.log");
  if (!path)
    return;
  const auto blocks = blocks_of(furrow::tests::read_file(*path), 256);
  const auto before = held.load();
  const auto machine = std::make_unique<machine_monitor>();
  for (const auto& block : blocks)
    machine->update(block, 0);
  CHECK(held - before <= 16 * kibibyte);
  const auto first_pass = allocations.load();
  for (const auto& block : blocks)
    machine->update(block, 0);
  // Claims and faults may allocate: they are few among thousands of frames.
  CHECK(allocations - first_pass <= 10);
}

TEST_CASE("monitor memory: long messages that the monitor does not read are not reassembled") {
  const auto machine = std::make_unique<machine_monitor>();
  const auto before = held.load();
  for (int i = 0; i < 254; ++i) { // 60,000 bytes of a virtual terminal's pool from each address
    const auto source = static_cast<std::uint8_t>(i);
    const auto id = "1CC826" + furrow::tests::hex_of({&source, 1});
    machine->update(furrow::tests::quoted_frame{id + "#1460EA000000E700", i}.view());
  }
  CHECK(machine->transport().counts().unwanted == 254);
  CHECK(machine->transport().sessions() == 0);
  CHECK(held - before <= 4 * kibibyte);
}
