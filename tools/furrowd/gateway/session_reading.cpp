// How a session reads batches: each piece of a body under a lease.
#include "tools/furrowd/gateway/session.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using actors::memory_lease;
using proto::reject_code;

/// No coroutine: gcc 12 destroys what a lambda inside a co_await expression captures twice.
asio::awaitable<memory_lease>
gateway_session::wait_for_room(const std::shared_ptr<actors::memory_budget>& budget,
                               std::size_t bytes) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(memory_lease)>(
    [this, bytes, budget](auto handler) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      budget->acquire(farm_, bytes, [shared, executor = executor_](memory_lease lease) {
        asio::post(executor,
                   [shared, lease = std::move(lease)]() mutable { (*shared)(std::move(lease)); });
      });
    },
    asio::use_awaitable);
}

/// While there is no room, the node is slow and not the gateway: no deadline.
asio::awaitable<memory_lease>
gateway_session::room(const std::shared_ptr<actors::memory_budget>& budget, std::size_t bytes) {
  auto lease = budget->try_acquire(bytes);
  if (lease) // usually
    co_return std::move(*lease);
  deadline_.reset();
  auto waiting = wait_for_room(budget, bytes);
  auto granted = co_await std::move(waiting);
  co_return granted;
}

asio::awaitable<void> gateway_session::read_piece(std::span<std::uint8_t> bytes) {
  deadline_ = clock::now() + context_->limits.message;
  co_await stream_->read(bytes);
}

asio::awaitable<std::unique_ptr<std::uint8_t[]>>
gateway_session::read_body(std::size_t length, std::vector<memory_lease>& arriving) {
  using actors::arrival_room;
  const auto& arrivals = context_->arrivals;
  // Not touched before it is read: memory that is only announced costs nothing.
  auto body = std::make_unique_for_overwrite<std::uint8_t[]>(length);
  std::size_t have = 0;
  const auto read_on = [&](std::size_t to) {
    const std::span<std::uint8_t> piece{body.get() + have, to - have};
    have = to;
    return read_piece(piece);
  };
  co_await read_on(std::min(length, arrival_room::unleased_bytes));
  if (have < length) {
    const auto first = std::min(length, arrival_room::piece_bytes);
    auto lease = co_await room(arrivals.first, first);
    arriving.push_back(std::move(lease));
    co_await read_on(first);
  }
  while (have < length) {
    const auto next = std::min(length, have + arrival_room::growth_bytes);
    auto lease = arrivals.growing->try_acquire(next - have);
    if (lease) {
      arriving.push_back(std::move(*lease));
      co_await read_on(next);
      continue;
    }
    auto rest = co_await room(arrivals.finishing, length - have);
    arriving.push_back(std::move(rest));
    while (have < length)
      co_await read_on(std::min(length, have + arrival_room::growth_bytes));
  }
  co_return body;
}

asio::awaitable<bool> gateway_session::read_batch() {
  std::array<std::uint8_t, proto::length_bytes> prefix{};
  deadline_ = clock::now() + context_->limits.idle;
  co_await stream_->read(prefix);
  const auto length = proto::decode_length(prefix, proto::message_bytes_max);
  if (!length) {
    refuse(refusal::limit, reject_code::limit, length.error().detail);
    co_return false;
  }
  in_message_ = true;
  const auto held = *length * session_limits::growth;
  std::vector<memory_lease> leases;
  auto own = co_await room(own_budget_, held);
  leases.push_back(std::move(own));
  std::vector<memory_lease> arriving;
  const auto body = co_await read_body(*length, arriving);
  auto shared = co_await room(context_->budget, held);
  leases.push_back(std::move(shared));
  arriving.clear();
  in_message_ = false;
  deadline_ = clock::now() + context_->limits.idle;
  auto message = proto::decode({body.get(), *length});
  if (!message) {
    refuse(refusal::malformed, reject_code::malformed, message.error().detail);
    co_return false;
  }
  co_return handle(std::move(*message), std::move(leases));
}

/// Shown, or dropped: what a gateway sends too often is of no use to anybody.
void gateway_session::take_sample(proto::sample sample, std::vector<memory_lease> leases) {
  constexpr auto& each = session_limits::sample_interval;
  const auto now = clock::now();
  samples_to_ = std::max(samples_to_, now - each * session_limits::samples_at_once) + each;
  if (samples_to_ > now)
    samples_to_ -= each;
  else
    link_->show({std::move(sample), std::move(leases)});
}

} // namespace furrow::daemon
