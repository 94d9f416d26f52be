#include "tools/furrow/contexts/sessions.hpp"

#include "tools/furrow/contexts/private_file.hpp"

#include <fstream>
#include <utility>
#include <vector>

namespace furrow::cli {

namespace {

constexpr std::size_t sessions_max = 256;

struct saved_session {
  std::string at;
  std::string token;
};

std::vector<saved_session> saved_sessions() {
  std::vector<saved_session> all;
  std::ifstream in{session_file()};
  for (saved_session one; std::getline(in, one.at) && std::getline(in, one.token);)
    all.push_back(one);
  return all;
}

/// Without a token the session at the node is dropped.
config::result<done> change_session(const std::string& at, const std::string& token) {
  const auto path = session_file();
  if (path.empty())
    return config::failure{
      config::errc::unreadable,
      "neither XDG_CONFIG_HOME nor HOME is set: there is no place for the session"};
  const auto held = folder_hold::of(path);
  if (!held)
    return held.error();
  auto all = saved_sessions();
  std::erase_if(all, [&at](const auto& one) { return one.at == at; });
  if (!token.empty())
    all.push_back({at, token});
  if (all.size() > sessions_max)
    all.erase(all.begin());
  std::string text;
  for (const auto& one : all)
    text += one.at + "\n" + one.token + "\n";
  return held->replace(path, text);
}

} // namespace

std::string session_file() {
  const auto folder = config_folder();
  return folder.empty() ? folder : folder + "/session";
}

std::string session_at(const std::string& at) {
  for (const auto& one : saved_sessions())
    if (one.at == at)
      return one.token;
  return {};
}

config::result<done> save_session(const std::string& at, const std::string& token) {
  return change_session(at, token);
}

config::result<done> forget_session(const std::string& at) {
  return session_at(at).empty() ? config::result<done>{done{}} : change_session(at, {});
}

} // namespace furrow::cli
