#include "actors/background/sealer.hpp"
#include "tests/support/idle_store.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

/// Answers each call from the script, on the caller's thread. After the script there is nothing to seal.
class scripted_store : public tests::idle_store, public storage::seal_store {
public:
  std::vector<storage::result<storage::seal_outcome>> script;

  storage::seal_store* sealing() override { return this; }
  void seal(storage::seal_request request, storage::handler<storage::seal_outcome> done) override {
    auto answer = storage::result<storage::seal_outcome>{storage::seal_outcome{}};
    {
      const std::lock_guard lock{mutex_};
      requests_.push_back(request);
      if (requests_.size() <= script.size())
        answer = script[requests_.size() - 1];
    }
    called_.notify_all();
    done(std::move(answer));
  }
  std::vector<storage::seal_request> wait_calls(std::size_t count) {
    std::unique_lock lock{mutex_};
    called_.wait_for(lock, 20s, [&] { return requests_.size() >= count; });
    return requests_;
  }

private:
  std::mutex mutex_;
  std::condition_variable called_;
  std::vector<storage::seal_request> requests_;
};

} // namespace

TEST_CASE("sealer: continues at once while there is work, and at the next check after a failure") {
  scripted_store store;
  store.script = {storage::seal_outcome{.chunks = 16, .frames = 1'000, .more = true},
                  storage::failure{storage::errc::retry_later, "away"},
                  storage::seal_outcome{.chunks = 2, .frames = 10}};
  const auto counts = std::make_shared<census>();
  {
    caf::actor_system_config config;
    caf::actor_system system{config};
    sealer_config quick;
    quick.look_every = 1ms;
    quick.due_after = 90s;
    quick.behind_digest = true;
    const auto one = system.spawn(sealer, quick, &store, counts);
    const auto requests = store.wait_calls(5);
    REQUIRE(requests.size() >= 5);
    CHECK(requests[0].due_after == 90s);
    CHECK(requests[0].chunks_max == quick.chunks_a_call);
    CHECK(requests[0].farm.empty());
    CHECK(requests[0].behind_digest);
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  }
  CHECK(counts->counters.chunks_sealed == 18);
  CHECK(counts->counters.frames_sealed == 1'010);
  CHECK(counts->counters.seal_failures == 1);
}
