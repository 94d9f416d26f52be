/// Where passwords are checked: on threads of their own, a few at once, and not for those who fail again and again.
///
/// Shape: an attempt is asked about by address and by user name first (`wait_of`), then its password is checked, then it is
///   noted as failed or forgiven.
/// Errors: `check` and `hash` answer nothing when too many wait.
/// Threads: any; answers come on a thread of the desk.
/// Limits: threads_max passwords at once, which bounds their memory; waiting_max wait.
#pragma once

#include "tools/furrowd/access/failed_attempts.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include <boost/asio/thread_pool.hpp>

namespace furrow::daemon {

class login_desk {
public:
  static constexpr std::size_t threads_max = 2;
  static constexpr std::size_t waiting_max = 32;
  /// One address may be that of a whole office, so it has more attempts than one name.
  static constexpr attempt_limits address_limits{
    10, std::chrono::seconds{1}, std::chrono::seconds{60}, std::chrono::seconds{900}};
  static constexpr attempt_limits name_limits{5, std::chrono::seconds{1}, std::chrono::seconds{30},
                                              std::chrono::seconds{900}};

  login_desk() = default;
  login_desk(const login_desk&) = delete;
  login_desk& operator=(const login_desk&) = delete;
  ~login_desk();

  /// The longest wait of the two; 0: it may try.
  [[nodiscard]] std::chrono::milliseconds wait_of(const std::string& address,
                                                  const std::string& user);
  /// Set: log a line with so many failures.
  [[nodiscard]] std::optional<std::uint64_t> failed(const std::string& address,
                                                    const std::string& user);
  /// The address keeps its count: somebody with an account of their own guesses no faster.
  void succeeded(const std::string& user);

  /// Whether the password opens the hash.
  void check(std::string password,
             std::string hash,
             const std::function<void(std::optional<bool>)>& done);
  void hash(std::string password, const std::function<void(std::optional<std::string>)>& done);

private:
  /// False when too many wait.
  bool post(std::function<void()> work);

  std::mutex mutex_;
  failed_attempts by_address_{address_limits};
  failed_attempts by_name_{name_limits};
  std::atomic<std::size_t> held_ = 0;
  boost::asio::thread_pool threads_{threads_max}; // last: it uses the others
};

} // namespace furrow::daemon
