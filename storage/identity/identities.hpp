/// Users, their sessions, and tokens: who may use the nodes of a database.
///
/// Shape: a user or a token belongs to a farm, or to the node (an empty farm). One of a farm reaches that farm alone, and on
///   request only some of its machines. One of the node reaches the farms of its list, or every farm when the list is
///   empty. The name is unique within the farm, or among those of the node. Each change is one transaction, with its row
///   of the audit log, and gives `identity_list` a new version.
/// Units: microseconds since 1970.
/// Errors: `failure` when the database fails; a change that is not allowed is a refusal in the outcome.
/// Threads: as storage/store.hpp.
/// Limits: users_max, tokens_max, sessions_of_user_max, identity_names_max; a new session ends the oldest one of its user.
/// Source: docs/decisions/0028-identities.md.
#pragma once

#include "storage/errc.hpp"
#include "storage/identity/audit.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

class store; // storage/store.hpp

inline constexpr std::size_t users_max = 10'000;
inline constexpr std::size_t tokens_max = 50'000;
inline constexpr std::size_t sessions_of_user_max = 50;
inline constexpr std::size_t identity_names_max = 256; // farms or machines of one user or token
inline constexpr std::size_t identity_page_max = 1'000;

struct identity_key {
  std::string farm; // that it belongs to; empty: the node
  std::string name;
  friend bool operator==(const identity_key&, const identity_key&) = default;
};
/// "north/anna", and of the node "anna".
[[nodiscard]] std::string to_text(const identity_key& key);

struct user_row {
  std::int64_t id = 0;
  identity_key key;
  std::string title = {};
  std::string role = "viewer";             // viewer, operator, admin
  std::string status = "active";           // active, disabled
  std::vector<std::string> farms = {};     // of a user of the node; empty: every farm
  std::vector<std::string> equipment = {}; // of a user of a farm; empty: every machine
  bool has_password = false;
  std::int64_t version = 0;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_login_us = {};
};

struct token_row {
  std::int64_t id = 0;
  identity_key key;
  std::string sha256 = {};                 // of the token, 64 lower-case hex digits
  std::string role = "gateway";            // gateway, relay, viewer, operator, admin
  std::vector<std::string> farms = {};     // of a token of the node; empty: every farm
  std::vector<std::string> equipment = {}; // of a token of a farm; empty: every machine
  std::optional<std::int64_t> expires_us = {};
  std::optional<std::int64_t> last_used_us = {};
  std::string created_by = {};
  std::int64_t created_us = 0;
};

struct session_row {
  std::int64_t id = 0;
  std::int64_t user = 0;
  std::string sha256 = {};
  std::string origin = {};
  std::int64_t created_us = 0;
  std::int64_t last_used_us = 0;
  std::int64_t expires_us = 0;
};

/// Everything that a node needs to know who may use it.
struct identity_list {
  std::int64_t version = 0;
  std::vector<user_row> users;
  std::vector<token_row> tokens;
  std::vector<session_row> sessions;
};

enum class identity_refusal : std::uint8_t {
  none = 0,
  invalid = 1,      // a value exceeds its limit
  exists = 2,       // the name is taken
  missing = 3,      // there is none of that name
  conflict = 4,     // the stored version is another
  last_admin = 5,   // it would leave the node without an admin
  admin_exists = 6, // the first admin is there already
  full = 7,         // as many as there may be
};

template <class Row>
struct identity_outcome {
  identity_refusal refused = identity_refusal::none;
  std::string detail = {}; // of a refusal, one sentence
  Row row = {};            // as it is stored now; of a removal: as it was
};

/// What is absent stays.
struct user_change {
  std::optional<std::string> title = {};
  std::optional<std::string> role = {};
  std::optional<std::string> status = {};
  std::optional<std::vector<std::string>> farms = {};
  std::optional<std::vector<std::string>> equipment = {};
  std::optional<std::string> password = {}; // a hash of storage/identity/password.hpp
  std::int64_t version = 0;                 // that was read; 0: any
  std::int64_t keep_session = 0; // the one that goes on when a new password ends the sessions
};

/// A page, by farm and name; those of the node come first.
struct identity_query {
  std::optional<std::string> farm =
    {};                    // nothing: of every farm and of the node; empty: of the node
  identity_key after = {}; // the last of the previous page
  std::size_t rows_max = 100;
  std::string name = {}; // of tokens: those of this name alone; empty: all
};

struct stored_login {
  user_row user;
  std::string password; // the hash; empty: no password opens it
};

struct session_selection {
  std::int64_t user = 0;
  std::int64_t id = 0; // 0: all of the user
};

/// When a token or a session was used last.
struct identity_use {
  bool session = false;
  std::int64_t id = 0;
  std::int64_t at_us = 0;
};

class identity_store {
public:
  identity_store() = default;
  identity_store(const identity_store&) = delete;
  identity_store& operator=(const identity_store&) = delete;
  virtual ~identity_store() = default;

  /// Nothing when the version is still `known`. Sessions that have expired, or whose user is disabled, are left out.
  virtual void read(std::int64_t known, handler<std::optional<identity_list>> done) = 0;

  virtual void list_users(identity_query query, handler<std::vector<user_row>> done) = 0;
  virtual void list_tokens(identity_query query, handler<std::vector<token_row>> done) = 0;
  virtual void list_sessions(std::int64_t user, handler<std::vector<session_row>> done) = 0;
  /// Fails with not_found.
  virtual void find_user(identity_key key, handler<stored_login> done) = 0;

  /// `password`: a hash, or empty. `first`: only if the node has no admin yet.
  virtual void add_user(user_row user,
                        std::string password,
                        bool first,
                        author by,
                        handler<identity_outcome<user_row>> done) = 0;
  /// A new password, role or reach, and the status disabled, end the sessions of the user.
  virtual void change_user(identity_key key,
                           user_change change,
                           author by,
                           handler<identity_outcome<user_row>> done) = 0;
  virtual void
  remove_user(identity_key key, author by, handler<identity_outcome<user_row>> done) = 0;

  virtual void add_token(token_row token, author by, handler<identity_outcome<token_row>> done) = 0;
  virtual void
  remove_token(identity_key key, author by, handler<identity_outcome<token_row>> done) = 0;

  /// Of an active user; `missing` when it is not.
  virtual void
  open_session(session_row session, author by, handler<identity_outcome<session_row>> done) = 0;
  /// How many have ended.
  virtual void close_sessions(session_selection which, author by, handler<std::uint64_t> done) = 0;
  virtual void note_use(std::vector<identity_use> uses, handler<furrow::done> done) = 0;
};

/// A store with identities and an audit log: both databases have them.
class identity_keeper {
public:
  identity_keeper() = default;
  identity_keeper(const identity_keeper&) = delete;
  identity_keeper& operator=(const identity_keeper&) = delete;
  virtual ~identity_keeper() = default;
  [[nodiscard]] virtual identity_store* identities() = 0;
  [[nodiscard]] virtual audit_store* audit() = 0;
};
/// Each lives as long as the store, or is nullptr when the store keeps none.
[[nodiscard]] identity_store* identities_of(store& of);
[[nodiscard]] audit_store* audit_of(store& of);

} // namespace furrow::storage
