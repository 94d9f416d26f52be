/// Who may use this node: asks the token file and what the database says of tokens and sessions.
///
/// Shape: the two sources are replaced as a whole while the node runs (`replace_file_tokens`, `replace_identities`); the
///   generation then grows. Who holds a connection compares it, and asks `holds` when it has changed.
/// Units: microseconds since 1970, of this node's clock.
/// Threads: any. A look-up takes no lock: it loads one shared pointer.
#pragma once

#include "tools/furrowd/access/identity_snapshot.hpp"
#include "tools/furrowd/access/tokens.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

namespace furrow::daemon {

[[nodiscard]] std::int64_t wall_clock_us();

class authority {
public:
  struct settings {
    bool only_loopback =
      true; // no other machine reaches a listener: without identities the node is open
    bool awaits_database = false; // until its identities have been read, the node is not open
  };
  explicit authority(std::optional<token_table> file = {}) : authority{std::move(file), {}} {}
  authority(std::optional<token_table> file, settings chosen);

  /// After the token file was read again. A node that began without a token file may get one.
  void replace_file_tokens(std::optional<token_table> file);
  void replace_identities(std::shared_ptr<const identity_snapshot> read);

  /// Nobody needs a credential: there is no token file, no user and no token, and only this machine reaches the node.
  [[nodiscard]] bool open() const;
  /// False while it is not known who has access: the database has not been read yet.
  [[nodiscard]] bool ready() const;
  /// Whether anybody could get in from another machine.
  [[nodiscard]] bool has_identities() const;

  struct finding {
    std::optional<credential> who;
    bool expired = false; // it was right once
  };
  /// Of a token or session as it was presented. Notes the use.
  [[nodiscard]] finding find(std::string_view presented, std::int64_t now_us) const;
  /// Whether a connection with this credential may stay: it exists, with the same rights, and has not expired.
  /// `in_use` counts as a use of it.
  [[nodiscard]] bool holds(const credential& given, std::int64_t now_us, bool in_use = true) const;
  /// Grows with every replacement.
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] std::shared_ptr<const identity_snapshot> identities() const;

private:
  struct sources {
    std::shared_ptr<const token_table> file;
    std::shared_ptr<const identity_snapshot> database;
    std::uint64_t generation = 1;
  };
  [[nodiscard]] std::shared_ptr<const sources> now() const { return sources_.load(); }
  template <class Change>
  void replace(Change change);

  const settings settings_;
  std::mutex replacing_;
  std::atomic<std::shared_ptr<const sources>> sources_;
};

} // namespace furrow::daemon
