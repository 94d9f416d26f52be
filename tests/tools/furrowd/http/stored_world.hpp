/// An HTTP front on a fake node whose fields, machines' records, users, tokens, DBC files and removals are those of a real
/// SQLite store.
///
/// Errors: a store that cannot be opened fails the test.
#pragma once

#include "storage/store.hpp"
#include "tests/support/http_front.hpp"
#include "tests/support/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace furrow::tests {

struct stored_world {
  explicit stored_world(http::http_config config = {}) {
    furnish(node);
    storage::store_options options;
    options.url = "sqlite:" + folder.file("stored.db");
    auto opened = storage::open_store(options);
    REQUIRE(opened);
    store = std::move(*opened);
    std::promise<bool> migrated;
    store->migrate([&](const auto& outcome) { migrated.set_value(bool(outcome)); });
    REQUIRE(migrated.get_future().get());
    node.database.kept = store->farm();
    node.database.kept_identities = storage::identities_of(*store);
    node.database.kept_audit = storage::audit_of(*store);
    node.database.kept_dbc = store->dbc();
    node.database.kept_forward = store->forward();
    node.database.kept_removals = store->removals();
    front.emplace(node, std::move(config));
  }
  ~stored_world() {
    front.reset();
    store.reset();
  }
  stored_world(const stored_world&) = delete;
  stored_world& operator=(const stored_world&) = delete;

  /// On a connection of its own.
  [[nodiscard]] http_answer ask(const std::string& method,
                                const std::string& target,
                                const std::string& body = "",
                                const std::string& more = "") const {
    raw_client client{front->at()};
    client.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body);
    return client.read(method == "HEAD");
  }

  scratch_folder folder;
  std::unique_ptr<storage::store> store;
  fake_node node;
  std::optional<http_front> front;
};

} // namespace furrow::tests
