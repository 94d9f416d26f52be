/// A gateway without a socket, for tests of a node. The gateway holds frames 1..count, sends from the number that the
/// node names, reconnects when it is dropped, and counts acks. `pump` runs it on the test's thread.
#pragma once

#include "actors/session/gate.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace furrow::tests {

class fake_gateway {
public:
  fake_gateway(actors::gate& at,
               std::string equipment,
               can::stream_id stream,
               std::uint64_t count,
               std::string farm = "default")
    : gate_{at}, farm_{std::move(farm)},
      equipment_{std::move(equipment)}, stream_{stream}, count_{count} {}

  /// One step: attaches if needed, sends one batch if allowed. True when all frames are acked.
  bool pump(std::size_t batch_frames = 500) {
    if (acked() >= count_)
      return true;
    if (port_ == nullptr || port_->take_lost())
      attach();
    const auto cursor = port_->cursor();
    if (!cursor || *cursor > count_)
      return false;
    const auto frames = std::min<std::uint64_t>(batch_frames, count_ - *cursor + 1);
    auto lease = gate_.budget()->try_acquire(frames * 40);
    if (!lease)
      return false;
    actors::received_batch received;
    received.batch = make(*cursor, frames);
    received.leases.push_back(std::move(*lease));
    link_->deliver(std::move(received));
    port_->advance(*cursor, frames);
    return false;
  }

  /// Adds frames; for tests that need the stream to continue.
  void extend(std::uint64_t by) { count_ += by; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

  [[nodiscard]] std::uint64_t acked() const { return ledger_->load(); }
  [[nodiscard]] std::optional<proto::reject> rejected() const {
    return port_ ? port_->rejected() : std::nullopt;
  }
  [[nodiscard]] static std::int64_t time_of(std::uint64_t seq) {
    return 1'600'000'000'000'000 + static_cast<std::int64_t>(seq) * 100;
  }

private:
  class port final : public actors::session_port {
  public:
    explicit port(std::shared_ptr<std::atomic<std::uint64_t>> ledger)
      : ledger_{std::move(ledger)} {}
    void welcome(std::int64_t, std::uint64_t resume_from) override { set(resume_from); }
    void rewind(std::uint64_t from_seq) override { set(from_seq); }
    void ack(std::uint64_t durable_seq) override {
      auto seen = ledger_->load();
      while (seen < durable_seq && !ledger_->compare_exchange_weak(seen, durable_seq)) {
      }
    }
    void reject(proto::reject reason) override {
      const std::lock_guard lock{mutex_};
      rejected_ = std::move(reason);
      cursor_.reset();
    }
    void drop() override {
      const std::lock_guard lock{mutex_};
      lost_ = true;
    }
    void yield() override { drop(); }
    bool take_lost() {
      const std::lock_guard lock{mutex_};
      return std::exchange(lost_, false);
    }
    std::optional<std::uint64_t> cursor() const {
      const std::lock_guard lock{mutex_};
      return cursor_;
    }
    void advance(std::uint64_t from, std::uint64_t by) {
      const std::lock_guard lock{mutex_};
      if (cursor_ == from) // no rewind came meanwhile
        cursor_ = from + by;
    }
    std::optional<proto::reject> rejected() const {
      const std::lock_guard lock{mutex_};
      return rejected_;
    }

  private:
    void set(std::uint64_t from) {
      const std::lock_guard lock{mutex_};
      cursor_ = from;
    }
    mutable std::mutex mutex_;
    std::shared_ptr<std::atomic<std::uint64_t>> ledger_;
    std::optional<std::uint64_t> cursor_;
    std::optional<proto::reject> rejected_;
    bool lost_ = false;
  };

  void attach() {
    link_.reset();
    port_ = std::make_shared<port>(ledger_);
    actors::greeting from;
    from.farm = farm_;
    from.peer = "test";
    from.hello.equipment = equipment_;
    from.hello.stream_id = stream_;
    from.hello.first_seq = 1;
    from.hello.last_seq = count_;
    from.hello.runs = {{99, 1}};
    link_ = gate_.attach(std::move(from), port_);
  }

  static proto::batch make(std::uint64_t first, std::uint64_t count) {
    proto::batch batch;
    batch.first_seq = first;
    batch.last_seq = first + count - 1;
    can::frame_block block;
    for (std::uint64_t seq = first; seq < first + count; ++seq)
      (void)block.push(
        time_of(seq),
        can::pack({.id = static_cast<std::uint32_t>(seq % 20), .extended = true, .length = 8}),
        reinterpret_cast<const std::uint8_t*>(&seq));
    batch.items.emplace_back(std::move(block));
    return batch;
  }

  actors::gate& gate_;
  std::string farm_;
  std::string equipment_;
  can::stream_id stream_;
  std::uint64_t count_;
  std::shared_ptr<std::atomic<std::uint64_t>> ledger_ =
    std::make_shared<std::atomic<std::uint64_t>>(0);
  std::shared_ptr<port> port_;
  std::unique_ptr<actors::equipment_link> link_;
};

} // namespace furrow::tests
