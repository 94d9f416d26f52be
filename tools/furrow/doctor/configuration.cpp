#include "tools/furrow/doctor/configuration.hpp"

#include "storage/postgres/connection/spawn.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <toml++/toml.h>

namespace furrow::cli {

namespace {

using storage::remark;
using level = storage::remark_level;

constexpr std::size_t answer_bytes_max = 1U << 20U;

struct said {
  int exit_code = -1; // -1: it did not run
  std::string text;   // of both outputs
};

std::string furrowd_program() {
  std::error_code wrong;
  const auto beside =
    std::filesystem::read_symlink("/proc/self/exe", wrong).parent_path() / "furrowd";
  return !wrong && std::filesystem::exists(beside, wrong) ? beside.string() : "furrowd";
}

said ask_furrowd(const char* what, const std::string& file) {
  said out;
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    return out;
  const auto child = storage::spawn({furrowd_program(), "config", what, "--config", file}, {},
                                    {-1, pipe[1], pipe[1]});
  ::close(pipe[1]);
  std::array<char, 4'096> bytes{};
  for (ssize_t count = 0; (count = ::read(pipe[0], bytes.data(), bytes.size())) > 0;)
    if (out.text.size() < answer_bytes_max)
      out.text.append(bytes.data(), static_cast<std::size_t>(count));
  ::close(pipe[0]);
  int status = 0;
  if (child && ::waitpid(*child, &status, 0) == *child && WIFEXITED(status))
    out.exit_code = WEXITSTATUS(status);
  return out;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

} // namespace

void read_settings(const std::string& shown, configuration_facts& into) {
  toml::table settings;
  try {
    settings = toml::parse(shown);
  } catch (const toml::parse_error&) {
    return; // of a version that shows them otherwise
  }
  const auto text = [&settings](const char* key) { return settings[key].value_or(std::string{}); };
  for (const auto* key : {"listen", "http", "link"})
    if (auto address = text(key); !address.empty())
      into.addresses.push_back(std::move(address));
  for (const auto* key : {"tls_cert", "link_cert"})
    if (auto file = text(key); !file.empty())
      into.certificates.push_back(std::move(file));
  into.password_file = text("database_password_file");
  // A URL that holds a secret is shown without it.
  if (text("database_file").empty() && text("database").find("***") == std::string::npos)
    into.database = text("database");
}

configuration_facts look_at_configuration(const std::string& file) {
  configuration_facts out;
  const auto checked = ask_furrowd("check", file);
  if (checked.exit_code == -1 || checked.exit_code == 127) {
    out.remark = {"configuration", level::failed, file + ": there is no program furrowd to ask",
                  "install the package furrowd on this machine"};
    return out;
  }
  if (checked.exit_code != 0) {
    out.remark = {"configuration", level::failed, first_line(checked.text),
                  "mend it, then `furrowd config check`"};
    return out;
  }
  out.remark = {"configuration", level::ok, first_line(checked.text)};
  read_settings(ask_furrowd("show", file).text, out);
  return out;
}

} // namespace furrow::cli
