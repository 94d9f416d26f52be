#include "actors/cluster/peer.hpp"

#include <caf/send.hpp>

#include <iterator>
#include <string>
#include <utility>
#include <variant>

namespace furrow::actors {

namespace {

using peer_pointer = metered_pointer<peer_actor, peer_state>;
namespace link = proto::link;

admin_reply failed_reply(std::string why) {
  return {std::make_shared<const link::reply>(link::failed_answer{std::move(why)})};
}

void ask_page(peer_pointer self, std::uint64_t number, const link::wish& what) {
  auto& state = self->state;
  state.port->ask(state.node, what, [me = peer_actor{self}, number](link::reply said) {
    caf::anon_send(me, admin_page{number, std::make_shared<link::reply>(std::move(said))});
  });
}

caf::typed_response_promise<admin_reply> ask_node(peer_pointer self, const admin_wish& wanted) {
  auto& state = self->state;
  auto promise = self->make_response_promise<admin_reply>();
  if (state.calls.size() >= peer_state::asks_max) {
    promise.deliver(failed_reply("too many asks at once"));
    return promise;
  }
  const auto number = ++state.last;
  state.calls.emplace(number, peer_state::call{promise, *wanted.what, {}, false});
  ask_page(self, number, *wanted.what);
  return promise;
}

/// Takes the rows of a page. Whether another page is needed: the wish is then the one for it.
template <class Page, class Wish, class Key>
bool gather(peer_state::call& call, Page& page, Key key) {
  const bool more = page.more && !page.rows.empty();
  if (more)
    std::get<Wish>(call.wish.what).after = page.rows.back().*key;
  if (!std::exchange(call.begun, true)) {
    call.gathered = std::move(page);
  } else {
    auto& all = std::get<Page>(call.gathered).rows;
    all.insert(all.end(), std::make_move_iterator(page.rows.begin()),
               std::make_move_iterator(page.rows.end()));
  }
  return more && std::get<Page>(call.gathered).rows.size() < peer_state::rows_max;
}

/// Whether the answer is the kind that was asked for. A peer that mixes them up has told nothing.
bool fits(const link::wish& asked, const link::reply& said) {
  return std::holds_alternative<link::failed_answer>(said) || said.index() == asked.what.index();
}

void take_page(peer_pointer self, const admin_page& page) {
  auto& calls = self->state.calls;
  const auto found = calls.find(page.call);
  if (found == calls.end())
    return;
  auto& call = found->second;
  bool more = false;
  if (!fits(call.wish, *page.said))
    call.gathered = link::failed_answer{"an answer to another question"};
  else if (auto* actors = std::get_if<link::actors_page_answer>(&*page.said))
    more = gather<link::actors_page_answer, link::actors_wish>(call, *actors, &link::actor_row::id);
  else if (auto* machines = std::get_if<link::machines_page_answer>(&*page.said))
    more = gather<link::machines_page_answer, link::machines_wish>(call, *machines,
                                                                   &link::machine_row::equipment);
  else
    call.gathered = std::move(*page.said);
  if (more) {
    if (auto* machines = std::get_if<link::machines_wish>(&call.wish.what))
      machines->watched.clear(); // the node knows them from the first page
    ask_page(self, page.call, call.wish);
    return;
  }
  call.promise.deliver(admin_reply{std::make_shared<const link::reply>(std::move(call.gathered))});
  calls.erase(found);
}

} // namespace

peer_actor::behavior_type peer(peer_pointer self, peer_info node, std::shared_ptr<link_port> port) {
  self->state.node = std::move(node);
  self->state.port = std::move(port);
  return {
    [self](const admin_wish& wanted) { return ask_node(self, wanted); },
    [self](const admin_page& page) { take_page(self, page); },
  };
}

} // namespace furrow::actors
