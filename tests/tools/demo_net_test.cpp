// tools/demo as a person sees it: in a terminal, which is closed in the end.
#include "tests/support/data.hpp"
#include "tests/support/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

using namespace furrow::tests;

namespace {

/// The demo with these programs, which it need not build.
std::string demo_in(const scratch_folder& folder) {
  const auto tools = std::filesystem::path{folder.file("tools")};
  std::filesystem::create_directories(tools);
  std::filesystem::create_directories(folder.file("build/release"));
  std::filesystem::create_directories(folder.file("tmp"));
  for (const auto* name : {"demo", "demo-cluster", "ledger-sums"})
    std::filesystem::copy_file(std::string{FURROW_SOURCE_DIR "/tools/"} + name, tools / name);
  const auto build = folder.write("tools/build", "#!/bin/sh\n");
  std::filesystem::permissions(build, std::filesystem::perms::owner_all);
  std::filesystem::create_directory_symlink(FURROW_BIN_DIR, folder.file("build/release/bin"));
  return (tools / "demo").string();
}

/// What the terminal shows until it shows `last`, for at most 30 s.
std::string shown_until(int terminal, const std::string& last) {
  std::string shown;
  std::array<char, 4'096> bytes{};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (shown.find(last) == std::string::npos && std::chrono::steady_clock::now() < end) {
    pollfd ready{terminal, POLLIN, 0};
    if (::poll(&ready, 1, 1'000) != 1)
      continue;
    const auto count = ::read(terminal, bytes.data(), bytes.size());
    if (count <= 0)
      break;
    shown.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return shown;
}

} // namespace

TEST_CASE(
  "demo: keeps a log and its text in view, and removes its folder when the terminal closes") {
  const scratch_folder folder;
  const auto demo = demo_in(folder);
  const auto log = folder.write("own.log", "(1780000000.000000) can0 0CF00400#FFFFFF0020FFFFFF\n");
  int terminal = -1;
  const auto child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("TMPDIR", folder.file("tmp").c_str(), 1);
    ::execl("/bin/bash", "bash", demo.c_str(), "--log", log.c_str(), nullptr);
    ::_exit(127);
  }
  const auto shown = shown_until(terminal, "POSITION");
  const auto screen = shown.substr(shown.rfind("\x1b[J") + 3); // since it was last cleared
  CHECK_MESSAGE(screen.find("furrow ledger") != std::string::npos, shown);
  CHECK_MESSAGE(screen.find("LAST SEEN") != std::string::npos, shown);
  CHECK_FALSE(std::filesystem::is_empty(folder.file("tmp")));
  ::close(terminal);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(std::filesystem::is_empty(folder.file("tmp")));
}

TEST_CASE("demo: --cluster shows a node that dies, and ends with a whole ledger") {
  const scratch_folder folder;
  const auto shown = folder.file("shown");
  const auto code =
    std::system(("bash " + demo_in(folder) + " --cluster --once >" + shown + " 2>&1").c_str());
  const auto text = read_file(shown);
  CHECK_MESSAGE(code == 0, text);
  CHECK_MESSAGE(text.find("n2    dead") != std::string::npos, text);
  CHECK_MESSAGE(text.find("lost 0  doubled 0") != std::string::npos, text);
}
