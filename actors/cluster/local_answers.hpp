/// What this node tells another one, within the scope that the other node states.
///
/// Shape: reads the census, as the node's own admin side does; only a machine's report comes from its actor. A page of
///   machines costs its own rows, and a scope that names machines costs these.
/// Threads: safe from any; `done` is called once, for a report on a thread of the actor system.
/// Limits: pages of proto::link, and of `page_bytes_max`.
#pragma once

#include "actors/cluster/link_port.hpp"
#include "can/live/machine_monitor.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace furrow::actors {

class census;

class local_answers {
public:
  using report_text = std::function<std::string(const can::machine_report&)>;
  /// Asks a machine's actor: farm, machine, answer.
  using report_asker = std::function<void(
    std::string, std::string, std::function<void(std::optional<can::machine_report>)>)>;
  /// Milliseconds since the beat by which the database renewed this node's lease last; nothing: it has no lease.
  using lease_age = std::function<std::optional<std::uint32_t>()>;
  static constexpr std::size_t page_bytes_max = 512U << 10U;

  local_answers(std::shared_ptr<census> people,
                report_asker look,
                report_text text,
                lease_age lease);

  void answer(const proto::link::wish& what, link_port::handler done) const;

private:
  [[nodiscard]] proto::link::reply actors(const proto::link::scope& who,
                                          const proto::link::actors_wish& wish) const;
  [[nodiscard]] proto::link::reply machines(const proto::link::scope& who,
                                            const proto::link::machines_wish& wish) const;
  void note_watched(const proto::link::scope& who, const proto::link::machines_wish& wish) const;
  [[nodiscard]] proto::link::reply end(const proto::link::scope& who,
                                       const proto::link::end_wish& wish) const;
  void report(const proto::link::scope& who,
              const proto::link::report_wish& wish,
              link_port::handler done) const;

  std::shared_ptr<census> people_;
  report_asker look_;
  report_text text_;
  lease_age lease_;
};

} // namespace furrow::actors
