// The frames of a machine as rows of an export, in the order of their streams and numbers.
#include "can/frame/frame_words.hpp"
#include "can/text/put.hpp"
#include "tools/furrow/export/frame_walk.hpp"
#include "tools/furrow/export/row_reader.hpp"

#include <array>
#include <string_view>

namespace furrow::cli {

namespace {

using parquet::value_type;

class frame_rows : public row_reader {
public:
  explicit frame_rows(const export_source& source) : walk_{source} {
    columns_ = {{"time", value_type::time, true},      {"bus", value_type::text, true},
                {"id", value_type::text, true},        {"extended", value_type::boolean, true},
                {"remote", value_type::boolean, true}, {"error", value_type::boolean, true},
                {"kind", value_type::text, true},      {"length", value_type::integer, true},
                {"data", value_type::text, true},      {"direction", value_type::text}};
  }

  result<bool> read(parquet::rows& out) override {
    while (!out.full(1)) {
      const auto run = walk_.run();
      if (!run)
        return run.error();
      if (*run == nullptr)
        return false;
      if (walk_.pages() != named_page_)
        name_buses();
      const auto& block = (*run)->block;
      auto i = walk_.at();
      for (; i < block.size() && !out.full(1); ++i)
        if (const auto frame = block[i]; walk_.wanted(frame.time_us))
          add(out, frame);
      walk_.pass(i);
    }
    return true;
  }
  [[nodiscard]] json position() const override { return walk_.position(); }
  bool go_on(const json& position) override {
    walk_.go_on(position);
    return true;
  }

private:
  void name_buses() {
    named_page_ = walk_.pages();
    for (std::size_t i = 0; i < buses_.size(); ++i)
      buses_[i] = "can" + std::to_string(i);
    for (const auto& bus : walk_.page().buses)
      buses_[bus.bus] = bus.name;
  }

  void add(parquet::rows& out, const can::frame_view& frame) {
    const auto header = frame.header;
    out[0].put_integer(frame.time_us);
    out[1].put_text(buses_[header.bus()]);
    const bool wide = header.extended() || header.error();
    text_.clear();
    can::text::append_hex(
      text_, header.id() | (header.socketcan_id() & can::frame_header::error_flag), wide ? 8 : 3);
    out[2].put_text(text_);
    out[3].put_flag(header.extended());
    out[4].put_flag(header.remote());
    out[5].put_flag(header.error());
    out[6].put_text(can::word_of(header.kind()));
    out[7].put_integer(header.length());
    text_.clear();
    can::text::append_hex(text_, frame.payload());
    out[8].put_text(text_);
    out[9].put_text_or_absent(can::word_of(header.direction()));
  }

  frame_walk walk_;
  std::uint64_t named_page_ = 0;
  std::array<std::string, 256> buses_;
  std::string text_;
};

} // namespace

std::unique_ptr<row_reader> frame_reader(const export_source& source) {
  return std::make_unique<frame_rows>(source);
}

} // namespace furrow::cli
