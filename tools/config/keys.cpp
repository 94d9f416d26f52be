#include "tools/config/keys.hpp"

#include <algorithm>
#include <cctype>

namespace furrow::config {

std::string hidden(const std::string& value) {
  return value.empty() ? value : "***";
}

std::string key_of(std::string_view flag) {
  std::string key{flag.substr(std::min(flag.find_first_not_of('-'), flag.size()))};
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

std::string flag_of(std::string_view key) {
  std::string flag{key};
  std::replace(flag.begin(), flag.end(), '_', '-');
  return "--" + flag;
}

std::string environment_of(std::string_view flag) {
  auto name = "FURROW_" + key_of(flag);
  for (auto& c : name)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

} // namespace furrow::config
