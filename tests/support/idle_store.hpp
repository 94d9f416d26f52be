/// A store that answers nothing and has no area. A test overrides the functions that it needs.
#pragma once

#include "storage/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::tests {

class idle_store : public storage::store {
public:
  void claim(std::vector<storage::claim_request> /*requests*/,
             storage::handler<std::vector<storage::claim_outcome>> /*done*/) override {}
  std::unique_ptr<storage::appender> open_appender(const std::string& /*lane*/) override {
    return nullptr;
  }
  void read_ledger(std::string /*farm*/,
                   std::string /*equipment*/,
                   storage::handler<std::vector<storage::ledger_row>> /*done*/) override {}
  void list_equipment(std::string /*farm*/,
                      storage::handler<std::vector<storage::equipment_row>> /*done*/) override {}
  void migrate(storage::handler<std::vector<storage::migration_row>> /*done*/) override {}
  void migration_status(storage::handler<std::vector<storage::migration_row>> /*done*/) override {}
  void health(storage::handler<storage::store_health> /*done*/) override {}
};

} // namespace furrow::tests
