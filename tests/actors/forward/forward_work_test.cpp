// The decisions of a site's forwarder, in virtual time.
#include "actors/forward/forward_work.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

/// Runs the work with a store and lines that answer when the test says so.
class site_story {
public:
  explicit site_story(forward_limits limits = {}) : work_{limits} {
    step();
    REQUIRE(take<forward_action::take_turn>().size() == 1);
    work_.turn_taken(true, now_, out_);
  }

  void step(std::chrono::milliseconds by = 0ms) {
    now_ += by;
    work_.tick(now_, out_);
  }
  /// Lets time pass and answers the list with these rows.
  void list(const std::vector<storage::forward_stream>& rows,
            std::chrono::milliseconds by = 500ms) {
    step(by);
    REQUIRE_FALSE(take<forward_action::list>().empty());
    work_.listed(rows, now_, out_);
    step();
  }
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    for (auto& action : out_)
      if (auto* one = std::get_if<T>(&action))
        found.push_back(std::move(*one));
    std::erase_if(out_, [](const auto& action) { return std::holds_alternative<T>(action); });
    return found;
  }
  /// Answers the heads that were asked for; returns how many lines began.
  std::size_t open_all(std::uint64_t last) {
    for (const auto& asked : take<forward_action::head>()) {
      storage::forward_head head;
      head.last = last;
      work_.opened(asked.stream, head, now_, out_);
    }
    const auto started = take<forward_action::start>();
    for (const auto& one : started)
      line_of_[one.stream] = one.line;
    return started.size();
  }
  template <class What>
  void tell(std::int32_t stream, What what) {
    work_.told(stream, line_of_[stream], {std::move(what)}, now_, out_);
  }
  void answer(const forward_action::read& asked, std::uint64_t to) {
    storage::forward_page page;
    page.groups.push_back({asked.after + 1, can::gone_items{to - asked.after, {}}});
    page.to = to;
    work_.page_read(asked, std::move(page), now_, out_);
  }

  forward_work& work() { return work_; }
  forward_work::actions& out() { return out_; }
  [[nodiscard]] forward_work::time_point now() const { return now_; }

private:
  forward_work work_;
  forward_work::actions out_;
  forward_work::time_point now_{1h};
  std::map<std::int32_t, std::uint64_t> line_of_;
};

storage::forward_stream row(std::int32_t stream, std::uint64_t last, std::uint64_t acked = 0) {
  return {stream, "farm", "T" + std::to_string(stream), last, acked, 1, 1};
}

} // namespace

TEST_CASE("forward: a stream gets a line, its pages and its acks") {
  site_story site;
  site.list({row(1, 100)}, 0ms);
  REQUIRE(site.open_all(100) == 1);
  CHECK(site.take<forward_action::read>().empty()); // head office says from where
  site.tell(1, line_news::acked{40, 9, true});
  site.tell(1, line_news::wanted{40});
  const auto asked = site.take<forward_action::read>();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].after == 40);
  CHECK(asked[0].up_to == 100);
  site.tell(1, line_news::wanted{40}); // one read at a time
  CHECK(site.take<forward_action::read>().empty());
  site.answer(asked[0], 80);
  REQUIRE(site.take<forward_action::give>().size() == 1);
  CHECK(site.take<forward_action::read>().empty()); // the line asks when it has room
  site.tell(1, line_news::wanted{80});
  REQUIRE(site.take<forward_action::read>().size() == 1);
  site.tell(1, line_news::acked{80, 0, false});
  site.step(1s);
  const auto notes = site.take<forward_action::note>();
  REQUIRE(notes.size() == 1);
  REQUIRE(notes[0].marks.size() == 1);
  CHECK(notes[0].marks[0].acked == 80);
  CHECK(notes[0].marks[0].run == 9);
  CHECK(site.work().count().items_waiting == 20);
}

TEST_CASE(
  "forward: a page from before a rewind does not take the place of the one that is needed") {
  site_story site;
  site.list({row(1, 100)}, 0ms);
  site.open_all(100);
  site.tell(1, line_news::acked{50, 0, true});
  site.tell(1, line_news::wanted{50});
  const auto before = site.take<forward_action::read>();
  REQUIRE(before.size() == 1);
  site.tell(1, line_news::wanted{10}); // head office lost what it had
  site.answer(before[0], 100);
  const auto after = site.take<forward_action::read>();
  REQUIRE(after.size() == 1);
  CHECK(after[0].after == 10);
}

TEST_CASE("forward: growth is told to the line, a new run or bus with a new head") {
  site_story site;
  site.list({row(1, 100)}, 0ms);
  site.open_all(100);
  site.list({row(1, 150)});
  const auto grown = site.take<forward_action::grow>();
  REQUIRE(grown.size() == 1);
  CHECK(grown[0].last == 150);
  auto renewed = row(1, 170);
  renewed.runs = 2;
  site.list({renewed});
  CHECK(site.take<forward_action::grow>().empty());
  CHECK(site.open_all(170) == 0);
  CHECK(site.take<forward_action::renew>().size() == 1);
  site.list({renewed});
  CHECK(site.take<forward_action::head>().empty());
}

TEST_CASE("forward: each stream is checked once after the start, also one that seems complete") {
  site_story site;
  site.list({row(1, 100, 100), row(2, 50, 50)}, 0ms);
  REQUIRE(site.open_all(50) == 2);
  site.tell(1, line_news::acked{100, 0, true});
  site.tell(2, line_news::acked{20, 0, true}); // restored from a backup
  CHECK(site.work().count().items_waiting == 30);
  site.tell(2, line_news::wanted{20});
  CHECK(site.take<forward_action::read>().size() == 1);
  site.step(61s);
  const auto ended = site.take<forward_action::end>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].stream == 1);
}

TEST_CASE("forward: when head office has lost items of one stream, all are checked again, once") {
  // Symptom: head office was restored from a backup while the site ran. The items of a parked machine stayed missing
  // there, and retention at the site could delete them.
  site_story site;
  site.list({row(1, 100, 100), row(2, 50, 50), row(3, 70, 70)}, 0ms);
  REQUIRE(site.open_all(50) == 3);
  site.tell(1, line_news::acked{100, 0, true});
  site.tell(2, line_news::acked{50, 0, true});
  site.tell(3, line_news::acked{70, 0, true});
  site.step(61s);
  CHECK(site.take<forward_action::end>().size() == 3);
  (void)site.take<forward_action::list>();
  site.work().listed(std::vector<storage::forward_stream>{}, site.now(), site.out());
  site.step(1min);
  CHECK(site.open_all(50) == 0); // nobody asks
  (void)site.take<forward_action::list>();
  site.work().listed(std::vector{row(1, 120, 100)}, site.now(), site.out()); // a machine sends
  site.step();
  REQUIRE(site.open_all(120) == 1);
  CHECK(site.take<forward_action::lost>().empty());
  site.tell(1, line_news::acked{60, 0, true});
  const auto lost = site.take<forward_action::lost>();
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].stream == "farm/T1");
  CHECK(lost[0].acked == 100);
  CHECK(lost[0].has == 60);
  site.step(100ms);
  REQUIRE(site.open_all(50) == 2);
  site.tell(2, line_news::acked{20, 0, true});
  site.tell(3, line_news::acked{0, 0, true});
  CHECK(site.take<forward_action::lost>().empty()); // the same loss
  CHECK(site.work().count().items_waiting == 60 + 30 + 70);
  site.tell(2, line_news::wanted{20});
  CHECK(site.take<forward_action::read>().size() == 1);
  for (const std::int32_t one : {1, 2, 3})
    site.tell(one, line_news::acked{one == 1 ? 120U : one == 2 ? 50U : 70U, 0, false});
  site.step(61s);
  CHECK(site.take<forward_action::end>().size() == 3);
  site.step(1min);
  CHECK(site.open_all(50) == 0); // each has been checked
}

TEST_CASE("forward: a line that is open is checked too when head office has lost items") {
  site_story site;
  site.list({row(1, 100, 100), row(2, 50, 50)}, 0ms);
  REQUIRE(site.open_all(50) == 2);
  site.tell(1, line_news::acked{100, 0, true});
  site.tell(2, line_news::acked{50, 0, true}); // it may be from before the loss
  site.tell(1, line_news::acked{60, 0, false});
  CHECK(site.take<forward_action::lost>().size() == 1);
  site.step(100ms);
  const auto ended = site.take<forward_action::end>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].stream == 2);
  CHECK(site.open_all(50) == 1);
  site.tell(2, line_news::acked{50, 0, true});
  site.step(100ms);
  CHECK(site.take<forward_action::end>().empty());
}

TEST_CASE("forward: a list from before the note of an ack does not bring the older mark back") {
  // Symptom: a parked machine was shown with items that wait, and there were none.
  site_story site;
  site.list({row(1, 100, 80), row(2, 50, 50)}, 0ms);
  REQUIRE(site.open_all(50) == 2);
  site.tell(1, line_news::acked{80, 0, true});
  site.tell(2, line_news::acked{50, 0, true});
  site.tell(2, line_news::acked{40, 0, false}); // a loss: stream 1 is to be checked again
  site.step(1s);
  REQUIRE(site.take<forward_action::note>().size() == 1);
  site.work().noted(true, site.now());
  REQUIRE(site.take<forward_action::list>().size() == 1); // it reads the database now
  site.tell(1, line_news::acked{100, 0, false});
  site.step(1s);
  REQUIRE(site.take<forward_action::note>().size() == 1);
  site.work().noted(true, site.now());
  site.work().listed(std::vector{row(1, 100, 80)}, site.now(), site.out());
  CHECK(site.work().count().items_waiting == 10);
  // Head office can still say that it has less.
  site.step(100ms);
  CHECK(site.open_all(50) == 1);
  site.tell(1, line_news::acked{30, 0, true});
  CHECK(site.work().count().items_waiting == 70 + 10);
}

TEST_CASE("forward: each stream is checked again every few hours, not all at once") {
  forward_limits limits;
  limits.lines_max = 1'000;
  site_story site{limits};
  constexpr std::int32_t streams = 200;
  std::vector<storage::forward_stream> rows;
  for (std::int32_t i = 1; i <= streams; ++i)
    rows.push_back(row(i, 100, 100));
  site.list(rows, 0ms);
  REQUIRE(site.open_all(100) == streams);
  for (std::int32_t i = 1; i <= streams; ++i)
    site.tell(i, line_news::acked{100, 0, true});
  site.step(61s);
  CHECK(site.take<forward_action::end>().size() == streams);
  site.step(limits.check_every / 2 - 2min);
  CHECK(site.open_all(100) == 0);
  std::size_t checked = 0;
  std::size_t most_at_once = 0;
  for (auto passed = 0min; passed < 185min; passed += 5min) {
    site.step(5min);
    const auto asked = site.open_all(100);
    checked += asked;
    most_at_once = std::max(most_at_once, asked);
    for (std::int32_t i = 1; i <= streams; ++i)
      site.tell(i, line_news::acked{100, 0, true}); // heard of those with a line
  }
  CHECK(checked == streams);
  CHECK(most_at_once <= streams / 10);
}

TEST_CASE("forward: a node that gets the turn back takes the marks of the other one, and checks") {
  site_story site;
  site.list({row(1, 100, 100)}, 0ms);
  REQUIRE(site.open_all(100) == 1);
  site.tell(1, line_news::acked{100, 0, true});
  site.step(3s);
  site.work().turn_taken(false, site.now(), site.out());
  site.step(3s);
  (void)site.take<forward_action::list>();
  site.work().turn_taken(true, site.now(), site.out());
  site.work().listed(std::vector{row(1, 100, 30)}, site.now(), site.out());
  site.step();
  CHECK(site.work().count().items_waiting == 70);
  CHECK(site.open_all(100) == 1);
}

TEST_CASE("forward: more streams than lines take turns, and who is done gives way at once") {
  forward_limits limits;
  limits.lines_max = 2;
  site_story site{limits};
  site.list({row(1, 100), row(2, 100), row(3, 100), row(4, 100)}, 0ms);
  REQUIRE(site.open_all(100) == 2);
  CHECK(site.work().count().lines == 2);
  site.tell(1, line_news::acked{100, 0, true});
  site.step(1ms);
  CHECK(site.take<forward_action::end>().size() == 1);
  REQUIRE(site.open_all(100) == 1); // stream 3
  site.step(31s);                   // their turns are over
  CHECK(site.take<forward_action::end>().size() == 2);
  CHECK(site.open_all(100) == 2); // 4 and 2
  CHECK(site.work().count().lines == 2);
}

TEST_CASE("forward: a refused stream rests longer each time, and its reason is said once") {
  site_story site;
  site.list({row(1, 100)}, 0ms);
  auto pause = 2'000ms;
  for (std::size_t i = 0; i < 3; ++i, pause *= 2) {
    REQUIRE(site.open_all(100) == 1);
    site.tell(1, line_news::stopped{"wrong token"});
    CHECK(site.take<forward_action::end>().size() == 1);
    CHECK(site.take<forward_action::fault>().size() == (i == 0 ? 1 : 0));
    site.step(pause - 100ms);
    CHECK(site.take<forward_action::head>().empty());
    site.step(200ms);
  }
  CHECK(site.work().count().fault.find("wrong token") != std::string::npos);
  CHECK(site.open_all(100) == 1);
  site.tell(1, line_news::acked{0, 0, true});
  CHECK(site.work().count().fault.empty());
}

TEST_CASE("forward: a database that is away stops nothing for good") {
  site_story site;
  site.list({row(1, 100)}, 0ms);
  site.open_all(100);
  site.tell(1, line_news::acked{0, 0, true});
  site.tell(1, line_news::wanted{0});
  const auto asked = site.take<forward_action::read>();
  REQUIRE(asked.size() == 1);
  const storage::failure away{storage::errc::retry_later, "away"};
  site.work().page_read(asked[0], away, site.now(), site.out());
  CHECK(site.take<forward_action::read>().empty());
  site.step(1'100ms);
  CHECK(site.take<forward_action::read>().size() == 1);
  REQUIRE(site.take<forward_action::note>().size() == 1);
  site.work().noted(false, site.now());
  site.step(1'100ms);
  CHECK(site.take<forward_action::note>().size() == 1); // again
  REQUIRE(site.take<forward_action::list>().size() == 1);
  site.work().listed(away, site.now(), site.out());
  site.step(600ms);
  CHECK(site.take<forward_action::list>().size() == 1);
}

TEST_CASE("forward: while another node of the site has the turn, this one has no line") {
  site_story site;
  site.list({row(1, 100)}, 0ms);
  site.open_all(100);
  site.step(3s);
  REQUIRE(site.take<forward_action::take_turn>().size() == 1);
  site.work().turn_taken(false, site.now(), site.out());
  CHECK(site.take<forward_action::end>().size() == 1);
  (void)site.take<forward_action::list>();
  site.step(3s);
  REQUIRE(site.take<forward_action::take_turn>().size() == 1);
  CHECK(site.take<forward_action::list>().empty());
  site.tell(1, line_news::acked{70, 0, false}); // news of a line that has ended is late
  site.work().listed(std::vector{row(1, 100, 60)}, site.now(), site.out());
  CHECK(site.work().count().items_waiting == 40);
}

TEST_CASE("forward: what a sample needs is read before the next page, and given apart from it") {
  site_story site;
  site.list({row(1, 100'000)}, 0ms);
  REQUIRE(site.open_all(100'000) == 1);
  site.tell(1, line_news::acked{0, 0, true});
  site.tell(1, line_news::newest_wanted{92'000});
  site.tell(1, line_news::wanted{0});
  const auto newest = site.take<forward_action::read>();
  REQUIRE(newest.size() == 1); // one read at a time
  CHECK(newest[0].newest);
  CHECK(newest[0].after == 92'000);
  CHECK(newest[0].up_to == 100'000);
  const storage::failure away{storage::errc::retry_later, "away"};
  site.work().page_read(newest[0], away, site.now(), site.out());
  auto page = site.take<forward_action::read>();
  REQUIRE(page.size() == 1); // items do not wait for it
  CHECK_FALSE(page[0].newest);
  CHECK(page[0].after == 0);
  site.step(1'100ms);
  CHECK(site.take<forward_action::read>().empty()); // one read at a time
  site.answer(page[0], 4'000);
  REQUIRE(site.take<forward_action::give>().size() == 1);
  const auto again = site.take<forward_action::read>();
  REQUIRE(again.size() == 1);
  CHECK(again[0].newest);
  site.tell(1, line_news::wanted{4'000});
  site.tell(
    1, line_news::newest_wanted{93'000}); // its answer must come too, or the line waits for ever
  site.answer(again[0], 100'000);
  const auto given = site.take<forward_action::give>();
  REQUIRE(given.size() == 1);
  CHECK(given[0].newest);
  CHECK(given[0].after == 92'000);
  const auto other = site.take<forward_action::read>();
  REQUIRE(other.size() == 1);
  CHECK(other[0].newest);
  CHECK(other[0].after == 93'000);
  site.answer(other[0], 100'000);
  REQUIRE(site.take<forward_action::give>().size() == 1);
  page = site.take<forward_action::read>();
  REQUIRE(page.size() == 1);
  CHECK_FALSE(page[0].newest);
  CHECK(page[0].after == 4'000);
  site.answer(page[0], 8'000);
  REQUIRE(site.take<forward_action::give>().size() == 1);
  CHECK(site.take<forward_action::read>().empty());
}

TEST_CASE("forward: a damaged end of a stream holds up none of its items") {
  // Symptom: the failed read for a sample was tried again for ever, and no item was forwarded.
  site_story site;
  site.list({row(1, 100'000)}, 0ms);
  REQUIRE(site.open_all(100'000) == 1);
  site.tell(1, line_news::acked{0, 0, true});
  site.tell(1, line_news::newest_wanted{92'000});
  std::uint64_t forwarded = 0;
  std::size_t tries = 0;
  site.tell(1, line_news::wanted{forwarded});
  for (int i = 0; i < 100; ++i, site.step(100ms))
    for (const auto& asked : site.take<forward_action::read>())
      if (asked.newest) {
        ++tries;
        const storage::failure damaged{storage::errc::misconfigured, "columns do not agree"};
        site.work().page_read(asked, damaged, site.now(), site.out());
      } else if (forwarded < 50'000) {
        forwarded += 1'000;
        site.answer(asked, forwarded);
        site.tell(1, line_news::wanted{forwarded});
      }
  CHECK(forwarded == 50'000);
  CHECK(tries >= 4); // it may be whole again
  CHECK(tries <= 7);
}

TEST_CASE("forward: a machine that people watch at head office is asked to send often, while the "
          "line works") {
  site_story site;
  site.list({row(1, 100), row(2, 100)}, 0ms);
  REQUIRE(site.open_all(100) == 2);
  site.tell(1, line_news::pace{100ms}); // before its welcome
  CHECK(site.take<forward_action::watched>().empty());
  site.tell(1, line_news::acked{0, 0, true});
  site.tell(2, line_news::acked{0, 0, true});
  site.tell(2, line_news::pace{1'000ms}); // nobody watches it
  site.step(100ms);
  const auto asked = site.take<forward_action::watched>();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].farm == "farm");
  CHECK(asked[0].equipment == "T1");
  CHECK(asked[0].interval == 100ms);
  site.step(1'500ms);
  CHECK(site.take<forward_action::watched>().empty());
  site.step(1'000ms);
  CHECK(site.take<forward_action::watched>().size() == 1); // before the interest ends
  site.tell(1, line_news::pace{20ms});
  CHECK(site.take<forward_action::watched>().size() == 1); // at once
  site.tell(1, line_news::state{"the line is cut"});
  site.step(10s);
  CHECK(site.take<forward_action::watched>().empty());
  site.tell(1, line_news::pace{0ms}); // a new connection, which has not said yet
  site.tell(1, line_news::acked{0, 0, true});
  site.tell(1, line_news::pace{1'000ms});
  site.step(10s);
  CHECK(site.take<forward_action::watched>().empty());
}

TEST_CASE("forward: machines that people watch at head office keep up to half of the lines") {
  forward_limits limits;
  limits.lines_max = 4;
  site_story site{limits};
  std::vector<storage::forward_stream> rows;
  for (std::int32_t i = 1; i <= 8; ++i)
    rows.push_back(row(i, 100));
  site.list(rows, 0ms);
  REQUIRE(site.open_all(100) == 4);
  for (std::int32_t i = 1; i <= 3; ++i) {
    site.tell(i, line_news::acked{i == 1 ? 100U : 0U, 0, true}); // of 1 head office has all
    site.tell(i, line_news::pace{100ms});
  }
  site.step(1s);
  CHECK(site.take<forward_action::end>().empty());
  site.step(30s);
  std::vector<std::int32_t> ended;
  for (const auto& one : site.take<forward_action::end>())
    ended.push_back(one.stream);
  CHECK(ended == std::vector<std::int32_t>{3, 4});
}
