#include "tools/furrowd/databases.hpp"

#include "tools/furrowd/identity.hpp"

#include <string>
#include <utility>

namespace furrow::daemon {

namespace {

/// Every farm lives in main.
class main_alone final : public storage::home_stores {
public:
  explicit main_alone(std::unique_ptr<storage::store> store) : store_{std::move(store)} {}

  [[nodiscard]] std::optional<home> find(const std::string& /*farm*/) const override {
    return open().front();
  }
  void resolve(std::string /*farm*/, storage::handler<home> done) override { done(open().front()); }
  void correct(storage::farm_home /*now*/) override {}
  void refresh() override {}
  void on_open(std::function<void(home)> /*opened*/) override {}
  [[nodiscard]] std::vector<home> open() const override {
    return {home{main, std::string{storage::main_database}, store_.get()}};
  }

private:
  std::unique_ptr<storage::store> store_;
};

} // namespace

storage::result<std::shared_ptr<storage::home_stores>>
open_databases(const settings& settings, const can::stream_id& incarnation) {
  auto options = settings.store;
  options.url = settings.database;
  options.for_node = true;
  options.incarnation = incarnation;
  options.application_name = application_name(settings.node.name, incarnation);
  auto main = storage::open_store(options);
  if (!main)
    return main.error();
  return std::shared_ptr<storage::home_stores>{std::make_shared<main_alone>(std::move(*main))};
}

} // namespace furrow::daemon
