#include "tools/furrow/doctor/this_machine.hpp"

#include "can/text/time.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>

namespace furrow::cli {

namespace {

using storage::remark;
using level = storage::remark_level;

constexpr std::size_t block_bytes = 4'096;
constexpr std::int64_t memory_disk = 0x01021994; // TMPFS_MAGIC of linux/magic.h

std::string system_text() {
  return std::strerror(errno);
}

/// Of the middle one of at most ten writes, within two seconds.
std::optional<double> sync_time_ms(const std::string& folder, std::string& fault) {
  auto path = folder + "/.furrow-doctor-XXXXXX";
  const int file = ::mkostemp(path.data(), O_CLOEXEC);
  if (file < 0) {
    fault = system_text();
    return std::nullopt;
  }
  ::unlink(path.c_str());
  const std::array<char, block_bytes> block{};
  std::vector<double> took;
  const auto begun = std::chrono::steady_clock::now();
  for (auto from = begun; took.size() < 10 && from - begun < std::chrono::seconds{2};) {
    if (::pwrite(file, block.data(), block.size(), 0) != static_cast<ssize_t>(block.size())
        || ::fdatasync(file) != 0) {
      fault = system_text();
      break;
    }
    const auto now = std::chrono::steady_clock::now();
    took.push_back(std::chrono::duration<double, std::milli>(now - from).count());
    from = now;
  }
  ::close(file);
  if (took.empty())
    return std::nullopt;
  std::sort(took.begin(), took.end());
  return took[took.size() / 2];
}

std::int64_t unix_time(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(::timegm(&parts)) : 0;
}

std::string day_of(std::int64_t seconds) {
  return can::text::format_time(seconds * 1'000'000).substr(0, 10);
}

} // namespace

folder_facts look_at_folder(const std::string& folder) {
  folder_facts out;
  out.folder = folder;
  struct statfs found {};
  if (::statfs(folder.c_str(), &found) != 0) {
    out.fault = system_text();
    return out;
  }
  const auto block = static_cast<std::uint64_t>(found.f_bsize);
  out.bytes = block * found.f_blocks;
  out.free_bytes = block * found.f_bavail;
  out.in_memory = static_cast<std::int64_t>(found.f_type) == memory_disk;
  out.sync_ms = sync_time_ms(folder, out.fault);
  return out;
}

std::vector<remark> remarks_on_folder(const folder_facts& facts) {
  constexpr double slow_ms =
    30; // a node commits every 150 ms, a gateway every 10 ms while frames arrive
  std::vector<remark> out;
  if (facts.bytes > 0) {
    out.push_back(storage::remark_on_disk(facts.bytes, facts.free_bytes));
    out.back().says = facts.folder + ": " + out.back().says;
  }
  if (!facts.sync_ms)
    out.push_back({"fsync", level::failed, facts.folder + ": " + facts.fault,
                   "name a folder that this user may write to"});
  else if (facts.in_memory)
    out.push_back({"fsync", level::warning,
                   facts.folder + " is in memory: a restart of the machine loses what it holds",
                   "use a folder on a disk"});
  else if (*facts.sync_ms >= slow_ms)
    out.push_back(
      {"fsync", level::warning,
       fmt::format("{}: the disk takes {:.0f} ms to save 4 KiB", facts.folder, *facts.sync_ms),
       "use a disk with a write cache that survives power loss, or less load on it"});
  else
    out.push_back(
      {"fsync", level::ok,
       fmt::format("{}: the disk saves 4 KiB in {:.1f} ms", facts.folder, *facts.sync_ms)});
  return out;
}

certificate_facts look_at_certificate(const std::string& file) {
  certificate_facts out;
  out.file = file;
  const std::unique_ptr<BIO, decltype(&BIO_free)> in{BIO_new_file(file.c_str(), "r"), &BIO_free};
  if (!in) {
    out.fault = system_text();
    ERR_clear_error();
    return out;
  }
  for (;;) {
    const std::unique_ptr<X509, decltype(&X509_free)> one{
      PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), &X509_free};
    if (!one)
      break;
    const auto ends = unix_time(X509_get0_notAfter(one.get()));
    if (out.ends_s == 0 || ends < out.ends_s)
      out.ends_s = ends;
    out.begins_s = std::max(out.begins_s, unix_time(X509_get0_notBefore(one.get())));
  }
  ERR_clear_error(); // "no start line" at the end of the file
  if (out.ends_s == 0)
    out.fault = "no certificate in PEM";
  return out;
}

remark remark_on_certificate(const certificate_facts& facts, std::int64_t now_s) {
  constexpr std::int64_t day_s = 86'400;
  constexpr std::int64_t notice_days = 14; // as the alarm `certificate`
  const char* const renew = "make a new one, install it on the node, and restart the node";
  if (!facts.fault.empty())
    return {"certificate", level::failed, facts.file + ": " + facts.fault,
            "name a PEM file that this user may read"};
  if (facts.begins_s > now_s)
    return {"certificate", level::failed, facts.file + " begins on " + day_of(facts.begins_s),
            "set the clock of this machine"};
  if (facts.ends_s <= now_s)
    return {"certificate", level::failed, facts.file + " ended on " + day_of(facts.ends_s), renew};
  const auto says = fmt::format("{} ends on {}, in {} days", facts.file, day_of(facts.ends_s),
                                (facts.ends_s - now_s) / day_s);
  if (facts.ends_s - now_s < notice_days * day_s)
    return {"certificate", level::warning, says, renew};
  return {"certificate", level::ok, says};
}

address_facts look_at_address(const std::string& address) {
  address_facts out;
  out.address = address;
  const auto colon = address.rfind(':');
  auto host = address.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const auto port = colon == std::string::npos ? "" : address.substr(colon + 1);
  if (const int wrong = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); wrong != 0) {
    out.fault = ::gai_strerror(wrong);
    return out;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{found, &::freeaddrinfo};
  const int made = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int reuse = 1; // as a server does: a connection that has ended does not count
  if (made >= 0)
    ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  if (made < 0 || ::bind(made, found->ai_addr, found->ai_addrlen) != 0) {
    out.in_use = errno == EADDRINUSE;
    if (!out.in_use)
      out.fault = system_text();
  }
  if (made >= 0)
    ::close(made);
  return out;
}

remark remark_on_address(const address_facts& facts, bool node_runs) {
  if (!facts.fault.empty())
    return {"port", level::failed, facts.address + ": " + facts.fault,
            "choose an address of this machine, and a port from 1024 on"};
  if (!facts.in_use)
    return {"port", level::ok, facts.address + " is free"};
  if (node_runs)
    return {"port", level::ok, facts.address + " is in use, and a node answers"};
  return {"port", level::failed, facts.address + " is in use by another program",
          "`ss -ltnp` shows which; stop it, or let the node listen at another port"};
}

std::uint64_t open_files_max() {
  rlimit found{};
  return ::getrlimit(RLIMIT_NOFILE, &found) == 0 ? found.rlim_max : 0; // furrowd raises its own
}

std::optional<bool> clock_is_kept() {
  timex facts{}; // asks, and changes nothing
  const int state = ::adjtimex(&facts);
  if (state < 0)
    return std::nullopt;
  return state != TIME_ERROR && (facts.status & STA_UNSYNC) == 0;
}

remark remark_on_machine_clock(std::optional<bool> kept) {
  if (!kept)
    return {"machine clock", level::ok, "the kernel does not say whether anything keeps it right"};
  if (!*kept)
    return {
      "machine clock", level::warning,
      "no time service keeps the clock of this machine right; it drifts",
      "start a time service: apt install chrony, or systemctl enable --now systemd-timesyncd"};
  return {"machine clock", level::ok, "a time service keeps it right"};
}

remark
remark_on_open_files(std::uint64_t max, std::optional<std::uint64_t> open, const char* whose) {
  constexpr std::uint64_t least = 5'000; // 4,000 HTTP connections, and room for gateways
  constexpr std::uint64_t full_pct = 80;
  const char* const raise = "raise it: LimitNOFILE=65536 in the unit, or ulimit -Hn";
  const auto says = open ? fmt::format("{} has {} of {} files open", whose, *open, max)
                         : fmt::format("{} may open {} files", whose, max);
  if (open && *open * 100 >= max * full_pct)
    return {"limits", level::failed, says + ": it soon accepts no connection", raise};
  if (max < least)
    return {
      "limits", level::warning,
      says + fmt::format("; each gateway and each HTTP connection takes one, {} are enough", least),
      raise};
  return {"limits", level::ok, says};
}

} // namespace furrow::cli
