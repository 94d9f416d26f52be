#include "tools/furrowd/cache/summary_cache.hpp"

#include "tools/furrowd/cache/redis_reply.hpp"
#include "tools/furrowd/http/ask.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace furrow::http {

namespace {

constexpr std::string_view head = "furrow1 ";
constexpr std::size_t digest_digits = 16;
constexpr std::size_t reply_room = reply_bytes_max - 4'096; // leaves room for key and digest

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

/// FNV-1a detects damaged or truncated answers. It does not protect against someone who can write to Redis.
std::string digest_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const auto c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return fmt::format("{:016x}", hash);
}

/// People choose the names: the length tells "a" + "bc" from "ab" + "c".
std::string of_key(const cache_key& key) {
  return std::to_string(key.farm.size()) + ':' + key.farm + ':' + key.question;
}
std::string redis_key(const cache_key& key) {
  return "furrow:summary:" + of_key(key);
}

} // namespace

std::string sealed_answer(const cache_key& key, std::int64_t made_us, std::string_view answer) {
  auto rest = std::to_string(made_us) + ' ' + of_key(key) + '\n';
  rest += answer;
  return std::string{head} + digest_of(rest) + ' ' + rest;
}

std::optional<opened_answer> open_answer(const cache_key& key, std::string_view sealed) {
  if (!sealed.starts_with(head) || sealed.size() < head.size() + digest_digits + 1)
    return std::nullopt;
  const auto digest = sealed.substr(head.size(), digest_digits);
  const auto rest = sealed.substr(head.size() + digest_digits + 1);
  if (sealed[head.size() + digest_digits] != ' ' || digest_of(rest) != digest)
    return std::nullopt;
  opened_answer out;
  const auto [at, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.made_us);
  const auto named = ' ' + of_key(key) + '\n';
  const auto tail = rest.substr(static_cast<std::size_t>(at - rest.data()));
  if (error != std::errc{} || !tail.starts_with(named))
    return std::nullopt;
  out.answer = tail.substr(named.size());
  return out;
}

summary_cache::summary_cache(boost::asio::io_context& io,
                             cache_limits limits,
                             const std::optional<redis_settings>& redis)
  : ttl_{limits.ttl}, aged_{limits.aged}, memory_{limits} {
  if (redis && on())
    redis_ = std::make_unique<redis_link>(io, *redis);
}

boost::asio::awaitable<query_cache::value>
summary_cache::find(cache_key key, std::uint64_t mark, reader read) {
  if (!on())
    co_return nullptr;
  {
    const std::scoped_lock lock{mutex_};
    if (auto known = memory_.find(key, mark, query_cache::clock::now()))
      co_return known;
  }
  if (!redis_)
    co_return nullptr;
  // A ticket, as for the database: a change while Redis answers makes the answer worthless.
  ticket held{*this, key, mark};
  const auto start = [&](auto done) { redis_->get(redis_key(key), std::move(done)); };
  constexpr std::chrono::seconds limit{2}; // the link answers long before that
  const auto said = co_await ask<std::optional<std::string>>(start, limit);
  const auto opened = said && *said ? open_answer(key, **said) : std::nullopt;
  const auto age = std::chrono::microseconds{opened ? now_us() - opened->made_us : 0};
  const bool unchanged = held.let_go();
  if (!said || !*said)
    co_return nullptr;
  const bool young = opened && age.count() >= 0 && age < ttl_.load();
  query_cache::value answer;
  if (young)
    answer = read(opened->answer);
  if (answer == nullptr) {
    ++redis_rejected_;
    co_return nullptr;
  }
  if (!unchanged)
    co_return nullptr;
  const auto now = query_cache::clock::now();
  const std::scoped_lock lock{mutex_};
  static_cast<void>(
    memory_.adopt(key, mark, answer, now - age, now)); // too large to keep is still an answer
  ++redis_hits_;
  co_return answer;
}

query_cache::aged_value summary_cache::find_aged(const cache_key& key) {
  if (!on())
    return {};
  const std::scoped_lock lock{mutex_};
  return memory_.find_aged(key, query_cache::clock::now());
}

query_cache::value summary_cache::find_meanwhile(const cache_key& key, std::uint64_t mark) const {
  const auto began = reads_.began(key, mark, query_cache::clock::now());
  if (!on() || !began)
    return nullptr;
  const std::scoped_lock lock{mutex_};
  return memory_.find_meanwhile(key, mark, *began);
}

bool summary_cache::is_asked(const cache_key& key) const {
  const std::scoped_lock lock{mutex_};
  return memory_.is_asked(key);
}

summary_cache::ticket::ticket(summary_cache& of, cache_key key, std::uint64_t mark)
  : of_{of.on() ? of.shared_from_this() : nullptr}, key_{std::move(key)}, asked_us_{now_us()} {
  if (of_ == nullptr)
    return;
  const std::scoped_lock lock{of_->mutex_};
  number_ = of_->memory_.ask(key_, mark, query_cache::clock::now());
}

summary_cache::ticket::~ticket() {
  static_cast<void>(let_go());
}

bool summary_cache::ticket::let_go() {
  if (of_ == nullptr)
    return false;
  const std::scoped_lock lock{of_->mutex_};
  return of_->memory_.let_go(number_);
}

void summary_cache::ticket::put(const query_cache::value& answer,
                                const std::function<std::string()>& text) {
  if (keep(answer))
    share(answer, text);
}

bool summary_cache::ticket::keep(const query_cache::value& answer) {
  if (of_ == nullptr)
    return false;
  const std::scoped_lock lock{of_->mutex_};
  return of_->memory_.put(number_, answer, query_cache::clock::now());
}

void summary_cache::ticket::share(const query_cache::value& answer,
                                  const std::function<std::string()>& text) {
  if (of_ == nullptr || of_->redis_ == nullptr)
    return;
  const auto left = of_->ttl_.load() - std::chrono::milliseconds{(now_us() - asked_us_) / 1'000};
  if (left.count() <= 0)
    return;
  const auto shown = text();
  if (shown.empty() || shown.size() >= reply_room)
    return;
  const auto sealed = sealed_answer(key_, asked_us_, shown);
  {
    const std::scoped_lock lock{of_->mutex_};
    if (!of_->memory_.holds(key_, answer))
      return;
  }
  of_->redis_->set(redis_key(key_), sealed, left);
}

void summary_cache::end_sharing(const std::string& farm) {
  reads_.forget([&farm](const cache_key& key) { return key.farm == farm; });
  if (redis_)
    for (const auto* question : {question_equipment, question_ledger})
      redis_->remove(redis_key({farm, question}));
}

void summary_cache::forget(const std::string& farm) {
  if (!on())
    return;
  {
    const std::scoped_lock lock{mutex_};
    memory_.forget(farm);
  }
  end_sharing(farm);
}

void summary_cache::outdate(const std::string& farm) {
  if (!on())
    return;
  {
    const std::scoped_lock lock{mutex_};
    memory_.outdate(farm);
  }
  end_sharing(farm);
}

void summary_cache::limit(std::chrono::milliseconds ttl) {
  ttl_ = ttl;
  if (!on())
    reads_.forget([](const cache_key&) { return true; });
  const std::scoped_lock lock{mutex_};
  memory_.limit(ttl);
}

void summary_cache::stop() {
  if (redis_)
    redis_->stop();
}

cache_figures summary_cache::figures() const {
  cache_figures out;
  {
    const std::scoped_lock lock{mutex_};
    out.memory = memory_.counters();
  }
  out.redis_hits = redis_hits_;
  out.redis_rejected = redis_rejected_;
  if (redis_) {
    out.redis = true;
    out.redis_up = redis_->counters().up;
    out.redis_failures = redis_->counters().failures;
  }
  return out;
}

} // namespace furrow::http
