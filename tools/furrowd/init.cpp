#include "tools/furrowd/init.hpp"

#include "storage/identity/identities.hpp"
#include "storage/identity/password.hpp"
#include "storage/store.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace furrow::daemon {

namespace {

constexpr int init_failed = 1;
constexpr int init_invalid = 2;
constexpr std::chrono::minutes patience{10}; // a migration of a large database takes its time

int complain(const std::string& what) {
  std::cerr << "furrowd init: " << what << '\n';
  return init_failed;
}

template <class T, class Start>
storage::result<T> wait_for(Start start) {
  auto promised = std::make_shared<std::promise<storage::result<T>>>();
  auto coming = promised->get_future();
  start(storage::handler<T>{
    [promised](storage::result<T> answer) { promised->set_value(std::move(answer)); }});
  if (coming.wait_for(patience) != std::future_status::ready)
    return storage::failure{storage::errc::retry_later, "the database did not answer in time"};
  return coming.get();
}

/// Who ran the command, for the audit log.
std::string person_here() {
  std::array<char, 256> host{};
  const auto* user = std::getenv("USER");
  const bool named = ::gethostname(host.data(), host.size() - 1) == 0;
  return std::string{user == nullptr ? "furrowd" : user} + "@" + (named ? host.data() : "?");
}

int make_admin(storage::store& store, const std::string& name) {
  const auto password = storage::random_password();
  const auto hash = password ? storage::hash_of_password(*password) : std::nullopt;
  if (!hash)
    return complain("the system has no random bytes");
  storage::user_row admin;
  admin.key.name = name;
  admin.role = "admin";
  const storage::author by{person_here()};
  const auto made = wait_for<storage::identity_outcome<storage::user_row>>([&](auto done) {
    storage::identities_of(store)->add_user(admin, *hash, true, by, std::move(done));
  });
  if (!made)
    return complain(made.error().detail);
  if (made->refused == storage::identity_refusal::admin_exists)
    return complain("the node has an admin already; `furrow user password` sets a new password");
  if (made->refused != storage::identity_refusal::none)
    return complain(made->detail);
  std::printf("user %s\npassword %s\n", name.c_str(), password->c_str());
  std::fflush(stdout);
  std::cerr
    << "This is the first admin. The password is shown only now and stored nowhere; `furrow login "
    << name << "` asks for it.\n";
  return 0;
}

} // namespace

int init(int argc, char** argv) {
  CLI::App app{
    "furrowd init: makes the schema of a database, and its first admin with a random password"};
  storage::store_options options;
  options.url = "sqlite:furrow.db";
  options.application_name = "furrow/init";
  std::string name = "admin";
  app.add_option("--database", options.url, "database: postgresql://... or sqlite:PATH")
    ->envname("FURROW_DATABASE")
    ->capture_default_str();
  app.add_option("--user", name, "name of the admin")->capture_default_str();
  app.footer("Example:\n  furrowd init --database postgresql://furrow@db/furrow");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : init_invalid;
  }
  const auto store = storage::open_store(options);
  if (!store) {
    (void)complain(store.error().detail);
    return store.code() == storage::errc::misconfigured ? init_invalid : init_failed;
  }
  const auto steps = wait_for<std::vector<storage::migration_row>>(
    [&](auto done) { (*store)->migrate(std::move(done)); });
  if (!steps)
    return complain(storage::redacted(options.url) + ": " + steps.error().detail);
  for (const auto& step : *steps)
    if (!step.applied || !step.fault.empty())
      return complain("migration " + std::to_string(step.number) + " " + step.name + ": "
                      + (step.fault.empty() ? "not applied" : step.fault));
  return make_admin(**store, name);
}

} // namespace furrow::daemon
