/// A farm moves from one database to the other and back, while its gateways send, in virtual time and from one seed.
///
/// Shape: the moves are those of storage/homes/farm_move.*, run by a process that dies at any moment; the databases, the
///   nodes and their cached homes are models. A source may fail over to a standby that has not got that the farm left it.
///   Nodes greet a stream at the home that they have cached, however old that is.
///   A database counts what it holds, what is elsewhere and who may append. Beside the invariants of stage/oracle.hpp:
///   two       never two databases would take items of one farm
///   held      what a gateway was told to be durable is in one of the databases; no copy is deleted before the other has it
/// Threads: one.
/// Source: docs/decisions/0042-a-farm-moves-forward.md.
#pragma once

#include "storage/homes/farm_move.hpp"
#include "tests/simulation/stage/stage.hpp"
#include "tests/simulation/world.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace furrow::simulation {

class farm_world {
public:
  explicit farm_world(std::uint64_t seed,
                      broken_rule broken = broken_rule::none,
                      const std::function<void(const std::string&)>& trace = {});
  farm_world(const farm_world&) = delete;
  farm_world& operator=(const farm_world&) = delete;
  ~farm_world();

  [[nodiscard]] world_result run();

private:
  static constexpr milliseconds troubled_for{15'000};
  static constexpr milliseconds settle_limit{60'000}; // after the last fault
  enum class home_state : std::uint8_t { unknown, arriving, here, leaving, gone };
  struct stored_stream {
    std::int64_t epoch = 0;
    std::uint64_t seq = 0;
    std::uint64_t owner = 0;
    std::map<std::uint64_t, item_code> rows;
    std::set<std::uint64_t> elsewhere;
  };
  struct home {
    home(scheduler& time, const std::string& name) : at{time, name} {}
    process at;
    home_state state = home_state::unknown;
    std::int64_t version = 0;
    std::map<std::size_t, stored_stream> streams;
    /// What its standby has, which has not got that the farm left.
    struct before_leave {
      std::int64_t version = 0;
      std::map<std::size_t, std::int64_t> epochs;
    };
    std::optional<before_leave> standby;
  };
  struct main_row {
    std::size_t directory = 0;
    std::int64_t version = 0;
    bool moving = false;
    storage::move_step next = storage::move_step::expect;
    std::size_t source = 0;
  };
  struct source_of_items {
    std::vector<item_code> codes; // by number, from 1
    std::uint64_t acked = 0;
    std::size_t node = 0;
  };
  /// What a node knows of a stream while its gateway is there.
  struct served_stream {
    std::int64_t epoch = 0; // 0: no claim
    std::uint64_t seq = 0;
    std::uint64_t asked = 0; // the newest question; an older one's answer is late
    bool asking = false;
  };
  struct node_model {
    explicit node_model(scheduler& time, const std::string& name) : at{time, name} {}
    process at;
    std::uint64_t self = 0;
    std::size_t home = 0; // as it has cached it
    std::int64_t version = 0;
    std::map<std::size_t, served_stream> streams;
  };
  struct claim_reply {
    bool lost = false;
    bool again = false;
    bool moved = false;
    std::int64_t version = 0;
    std::int64_t epoch = 0;
    std::uint64_t seq = 0;
  };
  class places;

  void start_node(node_model& one);
  void produce(std::size_t stream);
  void pump(node_model& one, std::size_t stream);
  void claim(node_model& one, std::size_t stream);
  void claimed(node_model& one, std::size_t stream, const claim_reply& what);
  void append(node_model& one, std::size_t stream);
  [[nodiscard]] claim_reply take_claim(home& at, std::size_t stream, std::uint64_t owner);
  [[nodiscard]] bool take_append(home& at,
                                 std::size_t stream,
                                 std::int64_t epoch,
                                 std::uint64_t owner,
                                 std::uint64_t from,
                                 const std::vector<item_code>& codes);
  /// A question to a database: it may not arrive, the answer may not, and both may take long.
  template <class Answer>
  void ask(node_model& from,
           std::size_t to,
           std::function<Answer(home&)> what,
           std::function<void(const Answer*)> told);
  void begin_move();
  void move_on();
  void fail_over(home& at);
  void trouble();
  void check_homes();
  void check_held(std::size_t stream, std::uint64_t from, std::uint64_t to);
  void check_end();
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] home& named(const std::string& name);
  void note(const std::string& what);
  [[nodiscard]] static can::stream_id id_of(std::size_t stream);

  stage on_;
  time_point begin_;
  std::array<home, 2> homes_;
  main_row main_;
  std::vector<std::unique_ptr<node_model>> nodes_;
  std::vector<source_of_items> gateways_;
  bool troubled_ = true;
  std::uint64_t troubles_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t codes_ = 0;
};

} // namespace furrow::simulation
