#include "tools/furrowd/access/login_desk.hpp"

#include "storage/identity/password.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

login_desk::~login_desk() {
  threads_.stop();
  threads_.join();
}

std::chrono::milliseconds login_desk::wait_of(const std::string& address, const std::string& user) {
  const auto now = failed_attempts::clock::now();
  const std::scoped_lock lock{mutex_};
  return std::max(by_address_.wait_of(address, now), by_name_.wait_of(user, now));
}

std::optional<std::uint64_t> login_desk::failed(const std::string& address,
                                                const std::string& user) {
  const auto now = failed_attempts::clock::now();
  const std::scoped_lock lock{mutex_};
  (void)by_name_.note(user, now); // one line for both
  return by_address_.note(address, now).tell;
}

void login_desk::succeeded(const std::string& user) {
  const std::scoped_lock lock{mutex_};
  by_name_.forgive(user);
}

void login_desk::check(std::string password,
                       std::string hash,
                       const std::function<void(std::optional<bool>)>& done) {
  const bool taken = post([password = std::move(password), hash = std::move(hash), done] {
    const auto& compared = hash.empty() ? storage::hash_of_nobody() : hash;
    done(storage::opens(password, compared) && !hash.empty());
  });
  if (!taken)
    done(std::nullopt);
}

void login_desk::hash(std::string password,
                      const std::function<void(std::optional<std::string>)>& done) {
  const bool taken =
    post([password = std::move(password), done] { done(storage::hash_of_password(password)); });
  if (!taken)
    done(std::nullopt);
}

bool login_desk::post(std::function<void()> work) {
  if (held_.fetch_add(1) >= waiting_max + threads_max) {
    --held_;
    return false;
  }
  boost::asio::post(threads_, [this, work = std::move(work)] {
    work();
    --held_;
  });
  return true;
}

} // namespace furrow::daemon
