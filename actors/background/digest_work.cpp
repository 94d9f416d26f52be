#include "actors/background/digest_work.hpp"

#include "can/dbc/catalogue.hpp"
#include "storage/postgres/signal_rows.hpp"

#include <algorithm>
#include <stdexcept>

namespace furrow::actors {

digest_catalogue read_catalogue() {
  const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
  if (!file)
    throw std::runtime_error{"the catalogue: " + file.error().detail};
  const can::dbc_file* files[] = {&*file};
  auto plan = can::decode_plan::compile(files);
  if (!plan)
    throw std::runtime_error{"the catalogue: " + plan.error().detail};
  auto signals = storage::digest_signals_of(*file, *plan);
  return {std::make_shared<const can::decode_plan>(std::move(*plan)), std::move(signals)};
}

digest_work::run digest_work::take(const storage::digest_stream& stream,
                                   const storage::digest_page& page) {
  run out;
  can::stream_digest digest{catalogue_.plan, settings_};
  digest.pass(stream.digested);
  if (!stream.state.empty())
    out.understood = digest.resume(stream.digested, stream.state);
  bool whole = true;
  for (const auto& one : page.runs) {
    if (digest.size() > rows_max) {
      whole = false;
      break;
    }
    const auto before = std::max(digest.seq(), one.seq_first - 1);
    digest.take_frames(one.seq_first, one.block, page.to);
    out.frames += digest.seq() - std::min(before, digest.seq());
  }
  if (whole)
    digest.pass(page.to);
  auto rows = digest.take();
  for (auto& row : rows.rollups)
    row.signal = static_cast<std::uint32_t>(ids_[row.signal]);
  can::merge(rows.rollups); // signals of several files may have one name
  out.commit = {stream.stream, stream.equipment, stream.digested,
                digest.seq(),  digest.save(),    std::move(rows)};
  return out;
}

} // namespace furrow::actors
