#include "tests/simulation/homes/site_world.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;
using actors::forward_action;
using actors::line_news;

namespace {

constexpr std::uint64_t page_items = 40;
constexpr std::uint64_t tail_items = 100;

} // namespace

site_world::site_world(std::uint64_t seed,
                       broken_rule broken,
                       const std::function<void(const std::string&)>& trace)
  : on_{seed ^ 0x517EULL, broken}, begin_{on_.time.now()}, site_{on_.time, "site"},
    office_{on_.time, "head office"} {
  if (trace)
    on_.trace = [this, trace](const std::string& what) {
      const auto ms = std::chrono::duration_cast<milliseconds>(on_.time.now() - begin_).count();
      trace(std::to_string(on_.time.steps()) + " " + std::to_string(ms) + " ms " + what);
    };
  const auto streams = 1 + static_cast<std::int32_t>(on_.chance.below(4));
  for (std::int32_t stream = 1; stream <= streams; ++stream) {
    here_[stream].end_unread = on_.chance.chance(0.2);
    there_[stream];
  }
}

site_world::~site_world() {
  on_.time.clear();
}

can::stream_id site_world::id_of(std::int32_t stream) {
  can::stream_id out{};
  out[0] = static_cast<std::uint8_t>(stream);
  return out;
}

void site_world::note(const std::string& what) {
  if (on_.trace)
    on_.trace(what);
}

world_result site_world::run() {
  office_.start();
  start_site();
  for (const auto& [stream, rows] : here_)
    produce(stream);
  retain();
  trouble();
  while (!on_.truth.found() && on_.time.step(begin_ + troubled_for)) {
  }
  troubled_ = false;
  cuts_ = 0;
  note("everything is mended");
  if (!office_.alive())
    office_.start();
  if (!site_.alive())
    start_site();
  const auto mended = on_.time.now();
  while (!on_.truth.found() && !is_settled() && on_.time.step(mended + settle_limit)) {
  }
  if (!on_.truth.found())
    check_end();
  world_result out;
  out.found = on_.truth.found();
  out.steps = on_.time.steps();
  out.troubles = troubles_;
  out.settled_after = std::chrono::duration_cast<milliseconds>(on_.time.now() - mended);
  for (const auto& [stream, one] : here_)
    out.items += one.last;
  return out;
}

void site_world::start_site() {
  site_.start();
  lines_.clear();
  work_ = std::make_unique<actors::forward_work>();
  tick();
}

void site_world::tick() {
  actors::forward_work::actions out;
  work_->tick(on_.time.now(), out);
  carry_out(std::move(out));
  site_.in(actors::forward_work::tick_every, [this] { tick(); });
}

/// Gateways of the site: what it has stored is durable for them.
void site_world::produce(std::int32_t stream) {
  if (!troubled_)
    return;
  on_.time.in(on_.chance.between(30ms, 400ms), [this, stream] { produce(stream); });
  if (!site_.works())
    return;
  auto& one = here_[stream];
  for (auto count = 1 + on_.chance.below(10); count > 0; --count) {
    one.rows[++one.last] = ++codes_;
    on_.truth.numbered(id_of(stream), one.last, codes_);
  }
}

/// Retention: everything is old enough, and what head office has is deleted.
void site_world::retain() {
  on_.time.in(on_.chance.between(300ms, 2s), [this] { retain(); });
  if (!site_.works())
    return;
  for (auto& [stream, one] : here_)
    while (!one.rows.empty() && one.rows.begin()->first <= one.noted) {
      const auto [seq, code] = *one.rows.begin();
      const auto& codes = there_[stream].codes;
      if (seq > codes.size() || codes[seq - 1] != code)
        return on_.truth.broken("forwarded", can::to_string(id_of(stream)) + " item "
                                               + std::to_string(seq)
                                               + " is deleted, and head office does not have it");
      one.rows.erase(one.rows.begin());
    }
}

void site_world::carry_out(actors::forward_work::actions actions) {
  for (auto& action : actions) {
    if (std::holds_alternative<forward_action::take_turn>(action)) {
      site_.in(1ms, [this] {
        actors::forward_work::actions out;
        work_->turn_taken(true, on_.time.now(), out);
        carry_out(std::move(out));
      });
    } else if (const auto* what = std::get_if<forward_action::list>(&action)) {
      list(*what);
    } else if (const auto* wanted = std::get_if<forward_action::head>(&action)) {
      head(wanted->stream);
    } else if (const auto* begun = std::get_if<forward_action::start>(&action)) {
      lines_[begun->stream] = {begun->line, begun->head.last, 0, false, ++connections_};
      connect(begun->stream);
    } else if (const auto* renewed = std::get_if<forward_action::renew>(&action)) {
      lines_[renewed->stream].last = renewed->head.last;
      want(renewed->stream);
    } else if (const auto* grown = std::get_if<forward_action::grow>(&action)) {
      lines_[grown->stream].last = grown->last;
      want(grown->stream);
    } else if (const auto* ended = std::get_if<forward_action::end>(&action)) {
      lines_.erase(ended->stream);
    } else if (const auto* asked = std::get_if<forward_action::read>(&action)) {
      read(*asked);
    } else if (const auto* given = std::get_if<forward_action::give>(&action)) {
      if (given->newest)
        give_newest(*given);
      else
        give(given->stream, given->page);
    } else if (const auto* watched = std::get_if<forward_action::watched>(&action)) {
      note("watched: " + watched->equipment);
    } else if (const auto* noted = std::get_if<forward_action::note>(&action)) {
      store_note(noted->marks);
    } else if (const auto* lost = std::get_if<forward_action::lost>(&action)) {
      note("lost at head office: " + lost->stream);
    } else {
      note("fault: " + std::get<forward_action::fault>(action).text);
    }
  }
}

void site_world::list(const forward_action::list& what) {
  std::vector<storage::forward_stream> rows;
  for (const auto& [stream, one] : here_)
    if (stream > what.after && (what.every || one.last > one.noted))
      rows.push_back({stream, "farm", "T" + std::to_string(stream), one.last, one.noted, 1, 1});
  site_.in(on_.chance.between(1ms, 20ms), [this, rows] {
    actors::forward_work::actions out;
    if (troubled_ && on_.chance.chance(0.03))
      work_->listed(storage::failure{storage::errc::retry_later, "busy"}, on_.time.now(), out);
    else
      work_->listed(rows, on_.time.now(), out);
    carry_out(std::move(out));
  });
}

void site_world::head(std::int32_t stream) {
  storage::forward_head told;
  told.id = id_of(stream);
  told.equipment = "T" + std::to_string(stream);
  told.last = here_[stream].last;
  told.runs = {{7, 1}};
  site_.in(on_.chance.between(1ms, 20ms), [this, stream, told] {
    actors::forward_work::actions out;
    work_->opened(stream, told, on_.time.now(), out);
    carry_out(std::move(out));
  });
}

void site_world::read(const forward_action::read& what) {
  const auto& one = here_[what.stream];
  const auto& rows = one.rows;
  const auto to = std::min(what.up_to, what.after + 1 + on_.chance.below(page_items));
  storage::forward_page page;
  can::frame_block block;
  auto first = what.after + 1;
  if (what.newest) // head office may have these items, and they may be deleted
    first = rows.empty() ? to + 1 : std::max(first, rows.begin()->first);
  for (auto seq = first; seq <= to; ++seq) {
    const auto row = rows.find(seq);
    if (row == rows.end())
      return on_.truth.broken("forwarded", can::to_string(id_of(what.stream)) + " item "
                                             + std::to_string(seq)
                                             + " is to be sent, and the site has deleted it");
    std::uint8_t payload[8];
    std::memcpy(payload, &row->second, sizeof payload);
    (void)block.push(0, can::pack({.id = 1, .extended = true, .length = 8}), payload);
  }
  if (!block.empty())
    page.groups.push_back({first, std::move(block)});
  page.to = to;
  const bool fails = what.newest && one.end_unread;
  site_.in(on_.chance.between(1ms, 30ms), [this, what, page, fails] {
    actors::forward_work::actions out;
    if (fails || (troubled_ && on_.chance.chance(0.03)))
      work_->page_read(what, storage::failure{storage::errc::retry_later, "busy"}, on_.time.now(),
                       out);
    else
      work_->page_read(what, page, on_.time.now(), out);
    carry_out(std::move(out));
  });
}

/// The note may be lost: then retention waits longer.
void site_world::store_note(const std::vector<storage::forward_mark>& marks) {
  site_.in(on_.chance.between(1ms, 50ms), [this, marks] {
    const bool stored = !troubled_ || !on_.chance.chance(0.05);
    if (stored)
      for (const auto& mark : marks)
        here_[mark.stream].noted = mark.acked;
    work_->noted(stored, on_.time.now());
  });
}

void site_world::tell(std::int32_t stream, line_news news) {
  const auto found = lines_.find(stream);
  if (found == lines_.end())
    return;
  actors::forward_work::actions out;
  work_->told(stream, found->second.number, news, on_.time.now(), out);
  carry_out(std::move(out));
}

void site_world::back(std::int32_t stream, std::uint64_t connection, task what) {
  const auto now = on_.time.now();
  auto& due = lines_[stream].back_due; // in order, as TCP
  due = std::max(due, now + on_.chance.between(1ms, 60ms));
  site_.in(due - now, [this, stream, connection, what = std::move(what)] {
    const auto found = lines_.find(stream);
    if (found != lines_.end() && found->second.connection == connection)
      what();
  });
}

/// A hello, and the welcome that says what head office has.
void site_world::connect(std::int32_t stream) {
  auto& one = lines_[stream];
  one.connected = false;
  one.connection = ++connections_;
  back(stream, one.connection, [this, stream, connection = one.connection] {
    if (cuts_ > 0 || !office_.works()) {
      tell(stream, {line_news::state{"connection refused"}});
      site_.in(on_.chance.between(200ms, 1s), [this, stream, connection] {
        const auto found = lines_.find(stream);
        if (found != lines_.end() && found->second.connection == connection)
          connect(stream);
      });
      return;
    }
    const auto has =
      there_[stream].codes.size(); // its claim fences what older connections have sent
    back(stream, connection, [this, stream, connection, has] {
      auto& line = lines_[stream];
      line.connected = true;
      line.given = has;
      tell(stream, {line_news::acked{has, 7, true}});
      tell(stream, {line_news::pace{on_.chance.chance(0.3) ? 100ms : 1'000ms}});
      sample(stream, connection);
      want(stream);
    });
  });
}

void site_world::disconnect(std::int32_t stream, const std::string& why) {
  const auto found = lines_.find(stream);
  if (found == lines_.end())
    return;
  tell(stream, {line_news::state{why}});
  if (lines_.contains(stream))
    connect(stream);
}

void site_world::want(std::int32_t stream) {
  const auto found = lines_.find(stream);
  if (found != lines_.end() && found->second.connected && found->second.given < found->second.last)
    tell(stream, {line_news::wanted{found->second.given}});
}

void site_world::give(std::int32_t stream, const storage::forward_page& page) {
  auto& one = lines_[stream];
  if (!one.connected || page.groups.empty() || page.groups.front().first != one.given + 1)
    return; // of before a new connection, which has asked already
  std::vector<item_code> codes;
  for (const auto slot : std::get<can::frame_block>(page.groups.front().items).slots)
    codes.push_back(slot);
  const auto first = one.given + 1;
  const auto connection = one.connection;
  one.given = page.to;
  one.due = std::max(one.due, on_.time.now() + on_.chance.between(2ms, 140ms)); // in order, as TCP
  on_.time.in(one.due - on_.time.now(), [this, stream, connection, first, codes] {
    arrive(stream, connection, first, codes);
  });
  if (on_.breaks(broken_rule::relay_ack_is_final))
    tell(stream, {line_news::acked{page.to, 0, false}});
  want(stream);
}

/// Asks for what samples need, while this connection lasts.
void site_world::sample(std::int32_t stream, std::uint64_t connection) {
  site_.in(on_.chance.between(200ms, 1s), [this, stream, connection] {
    const auto found = lines_.find(stream);
    if (found == lines_.end() || found->second.connection != connection)
      return;
    const auto last = found->second.last;
    if (last > 0 && !found->second.newest_after)
      want_newest(stream, last - std::min(last, 1 + on_.chance.below(tail_items)));
    sample(stream, connection);
  });
}

void site_world::want_newest(std::int32_t stream, std::uint64_t after) {
  lines_[stream].newest_after = after;
  tell(stream, {line_news::newest_wanted{after}});
}

/// What is read for a sample is shown at head office, and stored nowhere.
void site_world::give_newest(const forward_action::give& given) {
  const auto found = lines_.find(given.stream);
  if (found == lines_.end() || found->second.newest_after != given.after)
    return;
  found->second.newest_after.reset();
  if (given.page.to < found->second.last && on_.chance.chance(0.5))
    want_newest(given.stream, given.page.to);
}

/// Items at head office, in one commit; then the ack.
void site_world::arrive(std::int32_t stream,
                        std::uint64_t connection,
                        std::uint64_t first,
                        const std::vector<item_code>& codes) {
  const auto found = lines_.find(stream);
  if (!office_.works() || cuts_ > 0 || found == lines_.end()
      || found->second.connection != connection)
    return; // with its connection
  auto& row = there_[stream].codes;
  stored_part part;
  part.stream = id_of(stream);
  part.held = row.size();
  part.from = first - 1;
  part.to = part.from + codes.size();
  part.rows[first] = codes;
  on_.truth.stored(part);
  row.insert(row.end(), codes.begin(), codes.end());
  back(stream, connection, [this, stream, to = part.to] {
    tell(stream, {line_news::acked{to, 0, false}});
  });
}

void site_world::trouble() {
  on_.time.in(on_.chance.between(200ms, 2s), [this] {
    if (!troubled_)
      return;
    ++troubles_;
    switch (on_.chance.below(3)) {
    case 0:
      note("cut the line");
      ++cuts_;
      for (const auto& [stream, rows] : here_)
        disconnect(stream, "connection lost");
      on_.time.in(on_.chance.between(100ms, 3s), [this] { cuts_ = std::max(0, cuts_ - 1); });
      break;
    case 1:
      if (!site_.alive())
        break;
      note("kill the site");
      site_.kill();
      work_.reset();
      lines_.clear();
      on_.time.in(on_.chance.between(100ms, 2s), [this] {
        if (!site_.alive())
          start_site();
      });
      break;
    default:
      if (!office_.alive())
        break;
      note("kill head office");
      office_.kill();
      for (const auto& [stream, rows] : here_)
        disconnect(stream, "connection lost");
      on_.time.in(on_.chance.between(100ms, 2s), [this] {
        if (!office_.alive())
          office_.start();
      });
    }
    trouble();
  });
}

bool site_world::is_settled() const {
  return std::all_of(here_.begin(), here_.end(), [this](const auto& one) {
    return there_.at(one.first).codes.size() == one.second.last
           && one.second.noted == one.second.last;
  });
}

void site_world::check_end() {
  for (const auto& [stream, one] : here_)
    if (const auto has = there_[stream].codes.size(); has != one.last || one.noted != one.last)
      on_.truth.broken("alive", can::to_string(id_of(stream)) + ": of " + std::to_string(one.last)
                                  + " items head office has " + std::to_string(has)
                                  + ", and the site knows of " + std::to_string(one.noted));
}

} // namespace furrow::simulation
