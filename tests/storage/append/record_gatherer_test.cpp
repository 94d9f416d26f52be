// Which batches share a transaction; the test decides when the store answers.
#include "storage/append/record_gatherer.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace furrow::storage;

namespace {

struct world {
  std::vector<std::size_t> groups; // how many batches shared each transaction
  std::vector<handler<record_group_outcomes>> open;
  std::vector<std::string> keys; // in the order in which they were stored
  std::vector<std::string> answers;
  std::shared_ptr<record_gatherer> gatherer =
    std::make_shared<record_gatherer>([this](const record_group& group, auto done) {
      groups.push_back(group->size());
      for (const auto& batch : *group)
        keys.push_back(batch.key);
      open.push_back(std::move(done));
    });

  void submit(const std::string& key, std::size_t records = 1) {
    record_batch batch{"farm", "C1", key, {}};
    batch.records.resize(records);
    gatherer->submit(std::move(batch), [this, key](result<record_batch_outcome> outcome) {
      answers.push_back(key + (outcome ? "" : " " + outcome.error().detail));
    });
  }
  /// Answers the running group; batches whose key begins with "bad" fail.
  void answer() {
    const auto count = groups.back();
    record_group_outcomes outcomes;
    for (auto i = keys.size() - count; i < keys.size(); ++i)
      outcomes.push_back(keys[i].starts_with("bad")
                           ? result<record_batch_outcome>{failure{errc::reject_row, "bad"}}
                           : result<record_batch_outcome>{record_batch_outcome{}});
    std::exchange(open.back(), {})(std::move(outcomes));
  }
};

} // namespace

TEST_CASE(
  "gatherer: stores the first batch alone and those that arrive meanwhile together, in order") {
  world w;
  w.submit("a");
  w.submit("b");
  w.submit("bad c");
  w.submit("d");
  CHECK(w.groups == std::vector<std::size_t>{1});
  CHECK(w.answers.empty());
  w.answer();
  CHECK(w.answers == std::vector<std::string>{"a"});
  CHECK(w.groups == std::vector<std::size_t>{1, 3});
  w.submit("e");
  w.answer();
  CHECK(w.answers == std::vector<std::string>{"a", "b", "bad c bad", "d"});
  CHECK(w.groups == std::vector<std::size_t>{1, 3, 1});
  w.answer();
  CHECK(w.groups.size() == 3);
  w.submit("f"); // no transaction runs: stored at once
  CHECK(w.groups.back() == 1);
  CHECK(w.keys == std::vector<std::string>{"a", "b", "bad c", "d", "e", "f"});
}

TEST_CASE("gatherer: bounds groups and queue, and a failed group fails each of its batches") {
  world w;
  w.submit("first");
  for (std::size_t i = 0; i < record_gatherer::group_batches_max + 1; ++i)
    w.submit("x");
  w.answer();
  CHECK(w.groups.back() == record_gatherer::group_batches_max);
  std::exchange(w.open.back(), {})(failure{errc::retry_later, "away"});
  CHECK(w.answers.back() == "x away");
  CHECK(w.answers.size() == 1 + record_gatherer::group_batches_max);
  CHECK(w.groups.back() == 1);
  w.submit("large", record_gatherer::group_records_max);
  w.submit("small");
  w.answer();
  CHECK(w.groups.back() == 1); // the large one fills a group
  for (std::size_t i = 0; i < record_gatherer::waiting_max; ++i)
    w.submit("y");
  CHECK(w.answers.back().find("too many") != std::string::npos);
}
