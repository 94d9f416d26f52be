/// Keeps an authority in step with the database: asks every two seconds whether anything has changed, and writes when
/// tokens and sessions were used.
///
/// Shape: the answer becomes one snapshot. While the database is away, the last one goes on; tokens and sessions still
///   expire.
/// Units: microseconds since 1970.
/// Threads: `start`, `stop` and the timer on the io_context's thread; `refresh` from any. Answers of the store are posted to
///   the io_context, which must outlive the watch.
/// Limits: one question at a time; uses_max uses in one write, once a minute.
#pragma once

#include "storage/identity/identities.hpp"
#include "tools/furrowd/access/authority.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

/// How long a person stays logged in.
struct session_lifetime {
  std::chrono::hours idle{12}; // without a request
  std::chrono::hours total{7 * 24};
};

[[nodiscard]] std::optional<credential> credential_of(const storage::user_row& user);
[[nodiscard]] std::optional<credential> credential_of(const storage::token_row& token);

class identity_watch : public std::enable_shared_from_this<identity_watch> {
public:
  static constexpr std::chrono::milliseconds every{2'000};
  static constexpr std::chrono::seconds write_every{60};
  static constexpr std::chrono::hours prune_every{1};
  static constexpr std::size_t uses_max = 1'000;

  struct settings {
    session_lifetime sessions{};
    std::optional<std::chrono::hours> audit_keep{}; // nothing: for ever
  };
  /// `audit` may be nullptr.
  identity_watch(boost::asio::io_context& io,
                 storage::identity_store& store,
                 storage::audit_store* audit,
                 std::shared_ptr<authority> access,
                 settings chosen);

  /// Reads until the database has answered, then calls `done`, on the io_context.
  void first(std::function<void()> done);
  /// `looked` is called after every look, also after one that failed.
  void start(std::function<void()> looked);
  void stop();
  /// Reads what has changed until now, then calls `done`, on the io_context; also when the database does not answer.
  void refresh(std::function<void()> done);
  /// `refresh` for those who do not own the watch.
  [[nodiscard]] std::function<void(std::function<void()>)> refresher();

private:
  using clock = std::chrono::steady_clock;

  void look();
  void ask();
  void answered(storage::result<std::optional<storage::identity_list>> list);
  void use(const storage::identity_list& list);
  void write_uses();
  void prune();
  [[nodiscard]] std::shared_ptr<last_use> use_of(bool session, std::int64_t id);

  boost::asio::io_context& io_;
  storage::identity_store& store_;
  storage::audit_store* audit_;
  std::shared_ptr<authority> access_;
  const settings settings_;
  boost::asio::steady_timer timer_;
  std::function<void()> looked_;
  bool stopped_ = false;
  bool asking_ = false;
  bool told_ = false; // that the database does not answer
  std::int64_t version_ = 0;
  std::vector<std::function<void()>> now_;  // wait for the answer that is on its way
  std::vector<std::function<void()>> next_; // came after its question
  std::map<std::pair<bool, std::int64_t>, std::shared_ptr<last_use>> uses_;
  std::map<std::pair<bool, std::int64_t>, std::int64_t> written_;
  clock::time_point written_at_ = clock::now();
  std::optional<clock::time_point> pruned_at_;
};

} // namespace furrow::daemon
