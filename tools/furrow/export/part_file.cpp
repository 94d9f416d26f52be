#include "tools/furrow/export/part_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace furrow::cli {

namespace {

namespace fs = std::filesystem;

std::string position_name(const std::string& path) {
  return path + ".part.position";
}

} // namespace

part_file::part_file(part_file&& other) noexcept
  : path_{std::move(other.path_)}, file_{std::exchange(other.file_, -1)}, bytes_{other.bytes_} {}

part_file::~part_file() {
  if (file_ >= 0)
    ::close(file_);
}

failure part_file::wrong(int error) const {
  const auto* next = error == ENOSPC || error == EDQUOT || error == EFBIG
                       ? "; make room, then go on with the same command and --resume"
                       : "";
  return {errc::failed, fmt::format("{}: {}{}", name(), std::strerror(error), next)};
}

result<part_file> part_file::open(const std::string& path, int flags) {
  part_file out{path, -1, 0};
  out.file_ = ::open(out.name().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
  if (out.file_ < 0)
    return out.wrong(errno);
  if (::flock(out.file_, LOCK_EX | LOCK_NB) != 0)
    return failure{errc::failed, out.name()
                                   + ": another export writes this file; wait for its end, "
                                     "or name another file"};
  return out;
}

result<part_file> part_file::create(const std::string& path, bool again) {
  std::error_code none;
  if (!again && fs::exists(path + ".part", none))
    return failure{errc::failed, path
                                   + ".part: an export was not finished; --resume goes on with it, "
                                     "--force begins again"};
  auto out = open(path, 0);
  if (!out)
    return out.error();
  fs::remove(position_name(path), none);
  if (::ftruncate(out->file_, 0) != 0)
    return out->wrong(errno);
  return out;
}

result<part_file> part_file::reopen(const std::string& path, std::uint64_t bytes) {
  auto out = open(path, 0);
  if (!out)
    return out.error();
  if (::ftruncate(out->file_, static_cast<off_t>(bytes)) != 0
      || ::lseek(out->file_, 0, SEEK_END) < 0)
    return out->wrong(errno);
  out->bytes_ = bytes;
  return out;
}

json part_file::kept(const std::string& path) {
  std::error_code none;
  const auto bytes = fs::file_size(path + ".part", none);
  std::ifstream in{position_name(path)};
  if (none || !in)
    return nullptr;
  auto out = json::parse(in, nullptr, false);
  if (out.is_discarded() || !out.is_object() || !out.contains("bytes")
      || out.at("bytes").get<std::uint64_t>() > bytes)
    return nullptr;
  return out;
}

result<done> part_file::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return wrong(errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    bytes_ += static_cast<std::uint64_t>(count);
  }
  return done{};
}

void part_file::keep(const json& position) {
  const auto name = position_name(path_);
  std::error_code none;
  {
    std::ofstream out{name + ".new", std::ios::trunc};
    out << position.dump() << '\n';
    if (!out.flush()) {
      fs::remove(name + ".new", none);
      return;
    }
  }
  fs::rename(name + ".new", name, none);
}

result<done> part_file::finish() {
  if (::fsync(file_) != 0)
    return wrong(errno);
  std::error_code failed;
  fs::rename(name(), path_, failed);
  if (failed)
    return failure{errc::failed,
                   name() + ": is whole, but cannot get its name: " + failed.message()};
  std::error_code none;
  fs::remove(position_name(path_), none);
  return done{};
}

} // namespace furrow::cli
