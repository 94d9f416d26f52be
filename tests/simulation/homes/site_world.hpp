/// A site forwards its streams to head office, in virtual time and from one seed.
///
/// Shape: what is forwarded, and when, is decided by actors/forward/forward_work.*; the site's database, its retention,
///   the lines and head office are models. Lines are cut, both ends die, notes are lost. Lines also ask for the end of
///   their stream, for samples; of some streams it can never be read. Beside the invariants of
///   stage/oracle.hpp, which head office must keep:
///   forwarded  the site deletes no item that head office does not have
/// Threads: one.
/// Source: docs/decisions/0038-sites-forward-their-store.md.
#pragma once

#include "actors/forward/forward_work.hpp"
#include "tests/simulation/stage/stage.hpp"
#include "tests/simulation/world.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::simulation {

class site_world {
public:
  explicit site_world(std::uint64_t seed,
                      broken_rule broken = broken_rule::none,
                      const std::function<void(const std::string&)>& trace = {});
  site_world(const site_world&) = delete;
  site_world& operator=(const site_world&) = delete;
  ~site_world();

  [[nodiscard]] world_result run();

private:
  static constexpr milliseconds troubled_for{15'000};
  static constexpr milliseconds settle_limit{60'000}; // after the last fault
  struct site_stream {
    std::map<std::uint64_t, item_code> rows;
    std::uint64_t last = 0;
    std::uint64_t noted = 0; // furrow.forward: durable at head office
    bool end_unread = false; // each read for a sample fails
  };
  struct office_stream {
    std::vector<item_code> codes; // by number, from 1
  };
  struct line {
    std::uint64_t number = 0;
    std::uint64_t last = 0;  // as far as it knows the stream
    std::uint64_t given = 0; // items after it are asked for
    bool connected = false;
    std::uint64_t connection = 0; // changes with each; what belongs to an older one is late
    time_point due{};             // when what was sent last arrives
    time_point back_due{};
    std::optional<std::uint64_t> newest_after{}; // what a sample needs is asked for after this item
  };

  void start_site();
  void tick();
  void produce(std::int32_t stream);
  void retain();
  void carry_out(actors::forward_work::actions actions);
  void list(const actors::forward_action::list& what);
  void head(std::int32_t stream);
  void read(const actors::forward_action::read& what);
  void give(std::int32_t stream, const storage::forward_page& page);
  void sample(std::int32_t stream, std::uint64_t connection);
  void want_newest(std::int32_t stream, std::uint64_t after);
  void give_newest(const actors::forward_action::give& given);
  void store_note(const std::vector<storage::forward_mark>& marks);
  void connect(std::int32_t stream);
  void disconnect(std::int32_t stream, const std::string& why);
  void want(std::int32_t stream);
  void arrive(std::int32_t stream,
              std::uint64_t connection,
              std::uint64_t first,
              const std::vector<item_code>& codes);
  void tell(std::int32_t stream, actors::line_news news);
  /// Runs at the site after a while, unless it has died, or this connection of the stream is gone.
  void back(std::int32_t stream, std::uint64_t connection, task what);
  void trouble();
  void check_end();
  [[nodiscard]] bool is_settled() const;
  void note(const std::string& what);
  [[nodiscard]] static can::stream_id id_of(std::int32_t stream);

  stage on_;
  time_point begin_;
  process site_;
  process office_;
  std::unique_ptr<actors::forward_work> work_; // gone with the process
  std::map<std::int32_t, line> lines_;
  std::map<std::int32_t, site_stream> here_;
  std::map<std::int32_t, office_stream> there_;
  std::uint64_t connections_ = 0;
  int cuts_ = 0; // of the line between the two
  bool troubled_ = true;
  std::uint64_t troubles_ = 0;
  std::uint64_t codes_ = 0;
};

} // namespace furrow::simulation
