// The signals of a machine as rows of an export: its stored frames, decoded as the digest of a node does it.
#include "can/frame/identifier.hpp"
#include "can/isobus/ddi.hpp"
#include "can/live/meaning.hpp"
#include "can/transport/transport.hpp"
#include "tools/furrow/export/frame_walk.hpp"
#include "tools/furrow/export/row_reader.hpp"
#include "tools/furrow/export/signal_plans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>

namespace furrow::cli {

namespace {

using parquet::value_type;

constexpr can::transport_limits transport_room{256, 256U << 10U}; // as in a node's digest

/// Takes values in the order of their frames and makes rows of them.
class signal_rows : public row_reader {
public:
  signal_rows(const export_source& source, signal_plans plans)
    : walk_{source}, plans_{std::move(plans)} {
    for (const auto& part : plans_.parts())
      values_max_ += part.plan.signals_max();
    values_.resize(values_max_);
  }

  result<bool> read(parquet::rows& out) override {
    while (!out.full(values_max_ + 1)) {
      const auto run = walk_.run();
      if (!run)
        return run.error();
      if (*run == nullptr) {
        end(out);
        return false;
      }
      if (const auto stream = can::to_string(walk_.page().stream_id); stream != stream_) {
        stream_ = stream;
        whole_ = can::reassembler{transport_room};
      }
      take(out, (*run)->block);
    }
    return true;
  }

  [[nodiscard]] json position() const override {
    can::state_writer state;
    whole_.save(state);
    return {{"frames", walk_.position()}, {"stream_id", stream_}, {"transport", state.take()}};
  }
  bool go_on(const json& position) override {
    walk_.go_on(position.at("frames"));
    stream_ = position.at("stream_id").get<std::string>();
    const auto bytes = position.at("transport").get<std::vector<std::uint8_t>>();
    can::state_reader state{bytes};
    whole_.restore(state);
    return !state.failed();
  }

protected:
  struct named_value {
    double number = 0;
    std::optional<can::whole_number> whole; // if `number` lacks digits of it
    can::signal_state state = can::signal_state::value;
    std::string_view label;
  };
  virtual void
  add(parquet::rows& out, std::uint32_t slot, std::int64_t time_us, const named_value& value) = 0;
  virtual void end(parquet::rows&) {}
  [[nodiscard]] const signal_plans& plans() const { return plans_; }
  [[nodiscard]] signal_plans& plans() { return plans_; }

private:
  using part = signal_plans::part;

  void take(parquet::rows& out, const can::frame_block& block) {
    const auto& parts = plans_.parts();
    known_.clear();
    for (const auto& part : parts)
      for (const auto bits : block.headers)
        known_.push_back(part.plan.find(can::frame_header{bits}));
    auto i = walk_.at();
    for (; i < block.size() && !out.full(values_max_ + 1); ++i)
      take_frame(out, block[i], known_.data() + block.header_index[i], block.headers.size());
    walk_.pass(i);
  }

  /// `known`: the message of the frame in the first part; in the others `step` further on.
  void take_frame(parquet::rows& out,
                  const can::frame_view& frame,
                  const can::plan_message* const* known,
                  std::size_t step) {
    const auto pgn = can::pgn_of(frame.header.id());
    std::optional<can::assembled_message> message;
    if (!frame.header.extended() || !can::is_extended_transport(pgn))
      message = whole_.feed(frame);
    if (!walk_.wanted(frame.time_us))
      return;
    for (const auto& part : plans_.parts()) {
      const auto meant = can::meaning_of(part.plan, *known, frame, message ? &*message : nullptr);
      known += step;
      if (meant.message != nullptr)
        take_message(out, part, *meant.message, frame.time_us, meant.data);
    }
  }

  void take_message(parquet::rows& out,
                    const part& of,
                    const can::plan_message& message,
                    std::int64_t time_us,
                    std::span<const std::uint8_t> data) {
    if (!of.messages[static_cast<std::size_t>(&message - of.plan.messages().data())])
      return;
    if (message.pgn == can::pgn_process_data) {
      take_process_data(out, of, time_us, data);
      return;
    }
    const auto count = of.plan.decode(message, data, values_);
    for (std::size_t i = 0; i < count; ++i)
      if (const auto slot = of.slots[values_[i].signal]; slot != signal_plans::unwanted)
        add(out, slot, time_us,
            {values_[i].physical, can::beyond_double(of.plan.signal_of(values_[i]), values_[i]),
             values_[i].state, of.plan.label(values_[i])});
  }

  /// Once, although both parts may know the message.
  void take_process_data(parquet::rows& out,
                         const part& of,
                         std::int64_t time_us,
                         std::span<const std::uint8_t> data) {
    const auto process = can::parse_process_data(data);
    if (&of != &plans_.parts().back() || !process || !process->carries_value())
      return;
    const auto slot = plans_.slot_of({process->element, process->ddi});
    if (slot == signal_plans::unwanted)
      return;
    const auto ddi = can::find_ddi(process->ddi);
    named_value value;
    value.number = process->value * (ddi ? ddi->scale : 1);
    add(out, slot, time_us, value);
  }

  frame_walk walk_;
  signal_plans plans_;
  can::reassembler whole_{transport_room};
  std::string stream_;
  std::size_t values_max_ = 0;
  std::vector<can::decoded_signal> values_;
  std::vector<const can::plan_message*> known_; // of a block's dictionary, for each part
};

/// One row a value, also where it is not available or in error.
class long_signals : public signal_rows {
public:
  long_signals(const export_source& source, signal_plans plans)
    : signal_rows{source, std::move(plans)} {
    columns_ = {{"time", value_type::time, true}, {"signal", value_type::text, true},
                {"value", value_type::real},      {"unit", value_type::text},
                {"label", value_type::text},      {"state", value_type::text, true}};
  }

private:
  void add(parquet::rows& out,
           std::uint32_t slot,
           std::int64_t time_us,
           const named_value& value) override {
    const auto& of = plans().slot(slot);
    out[0].put_integer(time_us);
    out[1].put_text(of.name);
    if (value.whole)
      out[2].put_whole(value.number, *value.whole);
    else
      value.state == can::signal_state::value ? out[2].put_real(value.number) : out[2].put_absent();
    out[3].put_text_or_absent(of.unit);
    out[4].put_text_or_absent(value.label);
    out[5].put_text(can::to_string(value.state));
  }
};

/// One row a time with what was received at it. A second value of a signal at that time begins another row.
class wide_signals : public signal_rows {
public:
  wide_signals(const export_source& source,
               signal_plans given,
               const std::vector<std::uint32_t>& slots)
    : signal_rows{source, std::move(given)}, cells_(slots.size()) {
    columns_ = {{"time", value_type::time, true}};
    for (const auto number : slots) {
      const auto& slot = plans().slot(number);
      columns_.push_back(
        {slot.unit.empty() ? slot.name : slot.name + " (" + slot.unit + ")", value_type::real});
    }
  }

  [[nodiscard]] json position() const override {
    auto out = signal_rows::position();
    auto& cells = out["row"] = json::array();
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (const auto& one = cells_[i])
        one->whole ? cells.push_back({i, one->number, one->whole->negative, one->whole->magnitude})
                   : cells.push_back({i, one->number});
    out["time_us"] = time_us_;
    return out;
  }
  bool go_on(const json& position) override {
    for (const auto& said : position.at("row")) {
      auto& cell = cells_.at(said.at(0).get<std::size_t>()).emplace();
      cell.number = said.at(1).get<double>();
      if (said.size() > 2)
        cell.whole = {said.at(2).get<bool>(), said.at(3).get<std::uint64_t>()};
    }
    filled_ = !position.at("row").empty();
    time_us_ = position.at("time_us").get<std::int64_t>();
    return signal_rows::go_on(position);
  }
  [[nodiscard]] std::string remark() const override {
    return left_out_ == 0 ? std::string{}
                          : fmt::format("{} values have no column: a node has not digested their "
                                        "signals yet; name them in full, or export again later",
                                        left_out_);
  }

private:
  void add(parquet::rows& out,
           std::uint32_t slot,
           std::int64_t time_us,
           const named_value& value) override {
    if (value.state != can::signal_state::value || !std::isfinite(value.number))
      return;
    const auto column = plans().slot(slot).column;
    if (!column) {
      ++left_out_;
      return;
    }
    if (filled_ && (time_us != time_us_ || cells_[*column]))
      end(out);
    cells_[*column] = cell{value.number, value.whole};
    time_us_ = time_us;
    filled_ = true;
  }

  void end(parquet::rows& out) override {
    if (!filled_)
      return;
    out[0].put_integer(time_us_);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      auto& to = out[i + 1];
      if (const auto& one = cells_[i])
        one->whole ? to.put_whole(one->number, *one->whole) : to.put_real(one->number);
      else
        to.put_absent();
      cells_[i].reset();
    }
    filled_ = false;
  }

  struct cell {
    double number = 0;
    std::optional<can::whole_number> whole; // if `number` lacks digits of it
  };
  std::vector<std::optional<cell>> cells_; // of the row under way
  std::int64_t time_us_ = 0;
  bool filled_ = false;
  std::uint64_t left_out_ = 0;
};

} // namespace

result<std::unique_ptr<row_reader>> signal_reader(const export_source& source,
                                                  const signal_wish& wish) {
  auto plans = signal_plans::load(source, wish);
  if (!plans)
    return plans.error();
  if (!wish.wide)
    return std::unique_ptr<row_reader>{std::make_unique<long_signals>(source, std::move(*plans))};
  const auto slots = plans->make_columns(source);
  if (!slots)
    return slots.error();
  return std::unique_ptr<row_reader>{
    std::make_unique<wide_signals>(source, std::move(*plans), *slots)};
}

} // namespace furrow::cli
