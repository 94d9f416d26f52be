// The forwarders of a site with several databases, in virtual time.
#include "actors/forward/forward_board.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/tree.hpp"
#include "tests/support/idle_store.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t last_item = 5;

/// A database with one stream of five items.
class one_stream final : public storage::forward_store {
public:
  one_stream(std::int32_t stream, std::string machine)
    : stream_{stream}, machine_{std::move(machine)} {}

  bool mute = false; // it answers nothing
  std::string target;
  std::string holder;
  std::uint64_t acked = 0;

  void set_target(std::string to, storage::handler<done> finished) override {
    if (mute)
      return;
    target = std::move(to);
    finished(done{});
  }
  void take_turn(std::string node, storage::handler<bool> mine) override {
    if (mute)
      return;
    holder = std::move(node);
    mine(true);
  }
  void list(bool every,
            std::int32_t /*after*/,
            std::size_t /*count*/,
            storage::handler<std::vector<storage::forward_stream>> rows) override {
    if (mute)
      return;
    std::vector<storage::forward_stream> out;
    if (every || acked < last_item)
      out.push_back({stream_, "north", machine_, last_item, acked, 1, 0});
    rows(std::move(out));
  }
  void open(std::int32_t /*stream*/, storage::handler<storage::forward_head> head) override {
    storage::forward_head out;
    out.equipment = machine_;
    out.last = last_item;
    if (!mute)
      head(std::move(out));
  }
  void read(std::int32_t /*stream*/,
            std::uint64_t after,
            std::uint64_t up_to,
            storage::handler<storage::forward_page> page) override {
    storage::forward_page out;
    out.groups.push_back({after + 1, can::gone_items{up_to - after, {}}});
    out.to = up_to;
    if (!mute)
      page(std::move(out));
  }
  void note(std::vector<storage::forward_mark> marks, storage::handler<done> finished) override {
    if (mute)
      return;
    acked = marks.back().acked;
    finished(done{});
  }
  void read_hold(storage::handler<storage::forward_hold> /*hold*/) override {}
  void read_status(std::string /*farm*/,
                   storage::handler<storage::forward_status> /*status*/) override {}

private:
  const std::int32_t stream_;
  const std::string machine_;
};

struct site_store final : tests::idle_store {
  site_store(std::int32_t stream, std::string machine) : items{stream, std::move(machine)} {}
  storage::forward_store* forward() override { return &items; }
  one_stream items;
};

/// Head office: it acks what it gets.
class head_office final : public forward_port {
public:
  std::map<std::string, std::uint64_t> got; // by machine
  std::string refuses;                      // a machine
  std::string watches;                      // a machine

  [[nodiscard]] std::string target() const override { return "hq:7400"; }
  [[nodiscard]] std::unique_ptr<forward_line> open(storage::forward_head head,
                                                   listener told) override {
    if (head.equipment == refuses) {
      told({line_news::stopped{"not its machine"}});
    } else {
      told({line_news::acked{got[head.equipment], 1, true}});
      told({line_news::wanted{got[head.equipment]}});
    }
    return std::make_unique<line>(*this, head.equipment, std::move(told));
  }
  void stop() override {}

private:
  class line final : public forward_line {
  public:
    line(head_office& to, std::string machine, listener told)
      : to_{to}, machine_{std::move(machine)}, told_{std::move(told)} {}
    void grow(std::uint64_t /*last*/) override {}
    void renew(storage::forward_head /*head*/) override {}
    void give(storage::forward_page page) override {
      to_.got[machine_] = page.to;
      told_({line_news::acked{page.to, 1, false}});
      if (to_.watches == machine_)
        told_({line_news::pace{20ms}});
    }
    void give_newest(std::uint64_t /*after*/, storage::forward_page /*page*/) override {}

  private:
    head_office& to_;
    const std::string machine_;
    const listener told_;
  };
};

/// The branches of two databases, under one supervisor.
struct site_of_two {
  tests::virtual_system system;
  site_store main{1, "M1"};
  site_store east{1, "E1"}; // its streams are numbered by itself
  std::shared_ptr<head_office> office = std::make_shared<head_office>();
  std::shared_ptr<forward_board> board = std::make_shared<forward_board>("hq:7400");
  std::shared_ptr<census> people = std::make_shared<census>();
  std::shared_ptr<wiring> places = std::make_shared<wiring>(1);
  caf::actor root;

  site_of_two() {
    people->name_home(1, "east");
    people->homes_open = 2;
  }
  site_of_two(const site_of_two&) = delete;
  site_of_two& operator=(const site_of_two&) = delete;
  ~site_of_two() {
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    root = nullptr;
    system.run();
    places->clear();
    people->clear();
    system.run();
  }

  void start() {
    node_config config;
    config.name = "site1";
    tree_parts parts{config, nullptr, people, places};
    parts.forward = office;
    parts.forward_state = board;
    root = system->spawn(supervisor, people->enter(0, "node", nullptr),
                         std::vector{storage_branch(parts, {0, "main", &main}),
                                     storage_branch(parts, {1, "east", &east})},
                         people);
    system.advance(3s);
  }
};

} // namespace

TEST_CASE(
  "forwarder: each database is forwarded by itself, and one that is mute holds up no other") {
  site_of_two site;
  site.main.items.mute = true;
  site.start();
  CHECK(site.east.items.target == "hq:7400"); // retention waits there
  CHECK(site.east.items.holder == "site1");
  CHECK(site.office->got["E1"] == last_item);
  CHECK(site.east.items.acked == last_item);
  CHECK(site.main.items.target.empty());
  CHECK(site.office->got["M1"] == 0);
}

TEST_CASE("forwarder: the figures are those of all databases, and the fault names its database") {
  site_of_two site;
  site.office->refuses = "E1";
  site.start();
  CHECK(site.office->got["M1"] == last_item);
  const auto all = site.board->latest();
  CHECK(all.streams_waiting == 1);
  CHECK(all.items_waiting == last_item);
  CHECK(all.lines_claimed == 1);
  CHECK(all.fault == "database east: north/E1: not its machine");
  CHECK(site.people->counters.forward_items_waiting == last_item);
  CHECK(site.people->counters.forward_lines == 1);
}

TEST_CASE("forwarder: a machine that people watch at head office is sent often, and soon stored") {
  site_of_two site;
  site.office->watches = "M1";
  const auto interest = site.people->board.interest_in("north", "M1");
  const auto other = site.people->board.interest_in("north", "E1");
  site.start();
  const auto now = site.system.now();
  CHECK(interest->interval(now) == 200ms); // the forwarder itself looks twice a second
  CHECK_FALSE(other->watched(now));
  CHECK(site.people->read_lately.reads(readers::slot_of("M1"), now));
  CHECK_FALSE(site.people->read_lately.reads_any(now)); // no reason for the digest to hurry
}
