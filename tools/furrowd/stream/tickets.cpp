#include "tools/furrowd/stream/tickets.hpp"

#include "can/text/put.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace furrow::http {

void stream_tickets::forget(clock::time_point now) {
  std::erase_if(unused_, [now](const auto& one) { return one.second.until <= now; });
}

std::optional<std::string> stream_tickets::issue(stream_holder holder, clock::time_point now) {
  forget(now);
  const auto held = std::count_if(unused_.begin(), unused_.end(), [&](const auto& one) {
    return one.second.holder.token == holder.token;
  });
  if (unused_.size() >= tickets_max || static_cast<std::size_t>(held) >= token_tickets_max)
    return std::nullopt;
  std::array<std::uint8_t, ticket_bytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return std::nullopt;
  auto ticket = can::text::lower_hex(random);
  unused_.emplace(daemon::hash_of_token(ticket), unused{std::move(holder), now + valid});
  return ticket;
}

std::optional<stream_holder> stream_tickets::redeem(std::string_view ticket,
                                                    clock::time_point now) {
  if (ticket.size() != 2 * ticket_bytes)
    return std::nullopt;
  const auto found = unused_.find(daemon::hash_of_token(ticket));
  if (found == unused_.end())
    return std::nullopt;
  auto one = std::move(found->second);
  unused_.erase(found);
  return one.until > now ? std::optional{std::move(one.holder)} : std::nullopt;
}

} // namespace furrow::http
