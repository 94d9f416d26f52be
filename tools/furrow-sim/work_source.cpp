#include "tools/furrow-sim/work_source.hpp"

#include "can/records/kind.hpp"
#include "proto/wire.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace furrow::sim {

namespace {

constexpr std::int64_t sample_every_us = 1'000'000;

std::shared_ptr<const std::string> encoded(const proto::item_group& items) {
  return std::make_shared<const std::string>(proto::encode_items(items));
}

} // namespace

work_source::work_source(const field_plan& plan,
                         std::uint64_t seed,
                         double rate,
                         std::int64_t start_us)
  : source_{seed, rate, start_us, plan}, sample_due_us_{start_us} {}

void work_source::sample(std::int64_t time_us) {
  sample_due_us_ = time_us + sample_every_us;
  const auto& work = *source_.work();
  if (work.plan().kind != implement_kind::harvester || work.sections() == 0)
    return;
  const auto& machine = source_.machine();
  const double flow = work.yield_kgpm2() * work.working_width_m() * machine.speed_mps;
  char body[256];
  (void)std::snprintf(body, sizeof body,
                      R"({"mass_flow_kgps":%.2f,"moisture_pct":%.1f,"width_m":%.2f,)"
                      R"("speed_mps":%.2f,"latitude_deg":%.7f,"longitude_deg":%.7f,"crop":"%s"})",
                      flow, work.moisture_pct(), work.working_width_m(), machine.speed_mps,
                      machine.latitude_deg, machine.longitude_deg, work.plan().crop.c_str());
  samples_.push_back({time_us, can::record_kind_yield, body});
}

work_source::block work_source::next(std::uint64_t count, std::int64_t until_us) {
  if (!samples_.empty() && count > 0) {
    const auto taken = std::min<std::uint64_t>(count, samples_.size());
    const auto end = samples_.begin() + static_cast<std::ptrdiff_t>(taken);
    std::vector<can::record> records{samples_.begin(), end};
    samples_.erase(samples_.begin(), end);
    return {static_cast<std::uint32_t>(taken), encoded(std::move(records))};
  }
  const auto most = std::min<std::uint64_t>(count, block_frames_max);
  can::frame_block frames;
  while (frames.size() < most) {
    if (!head_)
      head_ = source_.next();
    if (head_->time_us > until_us
        || !frames.push(head_->time_us, head_->header, head_->payload.data()))
      break;
    if (head_->time_us >= sample_due_us_)
      sample(head_->time_us);
    head_.reset();
  }
  if (frames.empty())
    return {};
  const auto items = static_cast<std::uint32_t>(frames.size());
  return {items, encoded(std::move(frames))};
}

} // namespace furrow::sim
