/// A store in memory, for tests of its users: claims, compare-and-set, fences, and a switch for outages. Answers on the
/// caller's thread.
#pragma once

#include "tests/support/idle_store.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

/// The stored items. They are outside the store, because the node owns the store and a test reads the items.
struct memory_tables {
  struct stream {
    std::string farm;
    std::string equipment;
    can::stream_id id{};
    std::int32_t row = 0;
    std::int64_t epoch = 0;
    std::uint64_t seq = 0;
    std::vector<can::run_mark> runs;
    std::map<std::uint64_t, std::int64_t> items; // seq -> time of the frame, or -1
    std::uint64_t doubled = 0;
    std::uint64_t quarantined = 0;
  };
  mutable std::mutex mutex;
  std::vector<stream> streams;
  bool down = false;
  bool silent = false;                             // no call is answered
  std::map<std::string, storage::farm_home> moved; // farms that live elsewhere
  std::set<std::string> held;     // machines whose streams another transaction holds
  std::set<std::string> nameless; // machines whose names the database cannot hold
  std::uint64_t lose_answers = 0; // number of appends to store and answer as in doubt
  std::uint64_t appends = 0;
  std::uint64_t claims = 0;

  [[nodiscard]] stream get(const can::stream_id& id) const {
    const std::lock_guard lock{mutex};
    const auto found =
      std::find_if(streams.begin(), streams.end(), [&](const stream& one) { return one.id == id; });
    return found == streams.end() ? stream{} : *found;
  }
  void set_down(bool is_down) {
    const std::lock_guard lock{mutex};
    down = is_down;
  }
  void set_silent(bool is_silent) {
    const std::lock_guard lock{mutex};
    silent = is_silent;
  }
};

class memory_store final : public idle_store {
public:
  explicit memory_store(std::shared_ptr<memory_tables> tables) : tables_{std::move(tables)} {}

  void claim(std::vector<storage::claim_request> requests,
             storage::handler<std::vector<storage::claim_outcome>> done) override {
    std::vector<storage::claim_outcome> outcomes;
    {
      const std::lock_guard lock{tables_->mutex};
      ++tables_->claims;
      if (tables_->silent)
        return;
      for (const auto& request : requests)
        if (tables_->nameless.contains(request.equipment))
          return done(storage::failure{storage::errc::reject_row, "22P05: no such character"});
      if (!tables_->down)
        for (const auto& request : requests)
          outcomes.push_back(claim_one(request));
    }
    if (outcomes.empty())
      done(storage::failure{storage::errc::retry_later, "the database is away"});
    else
      done(std::move(outcomes));
  }

  std::unique_ptr<storage::appender> open_appender(const std::string&) override {
    return std::make_unique<lane>(tables_);
  }

  void health(storage::handler<storage::store_health> done) override {
    const std::lock_guard lock{tables_->mutex};
    if (!tables_->silent)
      done(storage::store_health{!tables_->down, "memory", {}, {}});
  }

private:
  storage::claim_outcome claim_one(const storage::claim_request& request) {
    if (const auto gone = tables_->moved.find(request.farm); gone != tables_->moved.end()) {
      storage::claim_outcome outcome;
      outcome.moved = gone->second;
      return outcome;
    }
    auto& streams = tables_->streams;
    auto found = std::find_if(streams.begin(), streams.end(), [&](const auto& one) {
      return one.id == request.stream_id && one.farm == request.farm
             && one.equipment == request.equipment;
    });
    if (found == streams.end()) {
      streams.push_back({});
      found = streams.end() - 1;
      found->farm = request.farm;
      found->equipment = request.equipment;
      found->id = request.stream_id;
      found->row = static_cast<std::int32_t>(streams.size());
    }
    storage::claim_outcome outcome;
    outcome.held = tables_->held.contains(found->equipment);
    if (outcome.held)
      return outcome;
    outcome.claim = {1, found->row, ++found->epoch};
    outcome.durable_seq = found->seq;
    outcome.fork_seq = can::fork_point(found->runs, request.runs, found->seq);
    if (!outcome.fork_seq)
      for (const auto& run : request.runs)
        if (std::none_of(found->runs.begin(), found->runs.end(),
                         [&](const auto& old) { return old.run == run.run; }))
          found->runs.push_back(run);
    return outcome;
  }

  class lane final : public storage::appender {
  public:
    explicit lane(std::shared_ptr<memory_tables> tables) : tables_{std::move(tables)} {}

    void append(std::shared_ptr<const storage::append_batch> batch,
                storage::handler<storage::append_outcome> done) override {
      storage::append_outcome outcome;
      bool in_doubt = false;
      {
        const std::lock_guard lock{tables_->mutex};
        if (tables_->silent)
          return;
        if (tables_->down) {
          in_doubt = true;
        } else {
          ++tables_->appends;
          for (const auto& append : *batch)
            store_one(append, outcome);
          if (tables_->lose_answers > 0) {
            --tables_->lose_answers;
            in_doubt = true;
          }
        }
      }
      if (in_doubt)
        done(storage::failure{storage::errc::in_doubt, "the connection was lost"});
      else
        done(std::move(outcome));
    }

  private:
    void store_one(const storage::stream_append& append, storage::append_outcome& outcome) {
      auto& stream = tables_->streams.at(static_cast<std::size_t>(append.claim.stream - 1));
      if (tables_->held.contains(stream.equipment)) {
        outcome.waiting.push_back(append.claim.stream);
        return;
      }
      if (stream.epoch != append.claim.epoch || stream.seq != append.from) {
        outcome.fenced.push_back(append.claim.stream);
        return;
      }
      stream.seq = append.to;
      for (const auto& run : append.frames)
        for (std::size_t i = 0; i < run.block.size(); ++i)
          stream.doubled +=
            stream.items.emplace(run.seq_first + i, run.block.time_us(i)).second ? 0U : 1U;
      for (const auto& record : append.records)
        stream.doubled += stream.items.emplace(record.seq, -1).second ? 0U : 1U;
      for (const auto& item : append.quarantine)
        stream.doubled += stream.items.emplace(item.seq, -1).second ? 0U : 1U;
      stream.quarantined += append.quarantine.size();
    }
    std::shared_ptr<memory_tables> tables_;
  };

  std::shared_ptr<memory_tables> tables_;
};

} // namespace furrow::tests
