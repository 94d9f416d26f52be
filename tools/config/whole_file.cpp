#include "tools/config/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace furrow::config {

namespace {

constexpr std::size_t secret_bytes_max = 64U << 10U;

class descriptor {
public:
  explicit descriptor(const std::string& path)
    : number_{::open(path.c_str(), O_RDONLY | O_CLOEXEC)} {}
  ~descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

private:
  int number_;
};

failure cannot_read_file(const std::string& path) {
  return {errno == ENOENT ? errc::missing : errc::unreadable, path + ": " + std::strerror(errno)};
}

} // namespace

result<whole_file> read_whole(const std::string& path, std::size_t bytes_max) {
  const descriptor file{path};
  struct stat about {};
  if (file.number() < 0 || ::fstat(file.number(), &about) != 0)
    return cannot_read_file(path);
  whole_file out;
  out.is_open_to_others = S_ISREG(about.st_mode) && (about.st_mode & S_IROTH) != 0;
  out.is_writable_by_others = (about.st_mode & (S_IWGRP | S_IWOTH)) != 0
                              || (about.st_uid != ::geteuid() && about.st_uid != 0);
  std::array<char, 16'384> bytes{};
  for (;;) {
    const auto count = ::read(file.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return cannot_read_file(path);
    if (count == 0)
      return out;
    out.text.append(bytes.data(), static_cast<std::size_t>(count));
    if (out.text.size() > bytes_max)
      return failure{errc::invalid, path + ": more than " + std::to_string(bytes_max) + " bytes"};
  }
}

result<secret> read_secret(const std::string& path) {
  auto whole = read_whole(path, secret_bytes_max);
  if (!whole)
    return whole.error();
  secret out;
  out.text = whole->text.substr(0, std::min(whole->text.find('\n'), whole->text.size()));
  if (!out.text.empty() && out.text.back() == '\r')
    out.text.pop_back();
  if (out.text.empty())
    return failure{errc::invalid, path + ": the first line is empty; the secret is expected there"};
  if (out.text.find('\0') != std::string::npos)
    return failure{errc::invalid, path + ": not a text"};
  if (whole->is_open_to_others)
    out.warning = path + ": every user of this computer can read this secret; chmod o-r " + path;
  return out;
}

} // namespace furrow::config
