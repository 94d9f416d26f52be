/// How the areas of a routed store ask the homes: the one of a farm, or all of them.
///
/// Shape: `call(store, handler)` asks one store. Answers of several homes come together on one of their threads, or on the
///   thread of the deadlines.
/// Shape of a correction: a home that the farm has left gives nothing, or says where the farm is. The directory is then read
///   again, and the question asked once more if it names another home; so it is when a home has rows of a farm that is
///   known to live in another.
/// Errors: not_found of a home says nothing of the others. Any other failure leaves the home out, and is told to the
///   listener at most once a minute; where no home answers, it is the answer.
/// Threads: safe from any. A router must outlive its questions' calls, not their answers.
#pragma once

#include "storage/homes/deadlines.hpp"
#include "storage/homes/home_stores.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

/// Which homes are left out, and who is told. Outlives the router: answers that come late use it.
class home_watch {
public:
  explicit home_watch(missing_listener listener) : listener_{std::move(listener)} {}

  void missing(const std::string& database, const failure& why);
  /// It did not answer in time: nobody waits for it until it has answered.
  void silent(const std::string& database);
  void answered(const std::string& database);
  [[nodiscard]] bool is_silent(const std::string& database) const;
  /// Whether a silent one is to be asked again: once a second.
  [[nodiscard]] bool may_try(const std::string& database);

private:
  using clock = std::chrono::steady_clock;
  const missing_listener listener_;
  mutable std::mutex mutex_;
  std::map<std::string, clock::time_point> told_;
  std::map<std::string, clock::time_point> silent_; // when it was asked last
};

/// The answers of several homes to one question.
template <class T>
struct home_answers {
  struct answer {
    home_stores::home from;
    std::optional<result<T>> said; // nothing: no answer in time
  };
  std::vector<answer> all; // main first
};

class home_router {
public:
  home_router(std::shared_ptr<home_stores> homes, missing_listener missing)
    : homes_{std::move(homes)}, watch_{std::make_shared<home_watch>(std::move(missing))} {}

  [[nodiscard]] home_stores& homes() const { return *homes_; }
  [[nodiscard]] const std::shared_ptr<home_watch>& watch() const { return watch_; }
  [[nodiscard]] store& main() const { return *homes_->open().front().store; }
  [[nodiscard]] bool one_home() const { return homes_->open().size() == 1; }

  /// A question about a farm: goes to its home. `call` may be made twice.
  template <class T, class Call>
  void ask(const std::string& farm, handler<T> done, Call call) const {
    ask_home<T>(*homes_, farm, std::move(done), std::move(call));
  }
  /// The same for an answer's handler, which may run when the router is gone.
  template <class T, class Call>
  static void ask_home(home_stores& homes, const std::string& farm, handler<T> done, Call call) {
    const auto known = homes.find(farm);
    if (!known)
      return homes.locate(farm, and_then<T>(std::move(done), std::move(call)));
    auto corrected = or_again<T>(homes, farm, known->index, std::move(done), call);
    call(*known->store, std::move(corrected));
  }
  /// A change of a farm: a new farm is placed first.
  template <class T, class Call>
  void change(const std::string& farm, handler<T> done, Call call) const {
    if (homes_->find(farm))
      return ask_home<T>(*homes_, farm, std::move(done), std::move(call));
    homes_->resolve(farm, and_then<T>(std::move(done), std::move(call)));
  }

  /// A question over all farms. `merge(into, more, home)` puts the answers together, main's first; `order(whole)` sorts
  /// them. `slow`: it may take long, so a home is waited for as long as its store waits.
  template <class T, class Call, class Merge, class Order>
  void ask_all(handler<T> done, Call call, Merge merge, Order order, bool slow = false) const {
    const auto whole = [merge, order](home_answers<T> answers) -> result<T> {
      std::optional<T> out;
      for (auto& each : answers.all)
        if (each.said && *each.said) {
          if (!out)
            out.emplace();
          merge(*out, std::move(**each.said), each.from);
        }
      if (!out)
        return why_nobody(answers);
      order(*out);
      return std::move(*out);
    };
    gather<T>(homes_->open(), std::move(done), std::move(call), whole,
              slow ? wait::for_all : wait::after_first);
  }
  /// As `ask_all`, but nothing may be missing: the failure of one home is the answer.
  template <class T, class Call, class Merge, class Order>
  void ask_every(handler<T> done, Call call, Merge merge, Order order) const {
    if (const auto why = homes_->incomplete())
      return done(*why);
    const auto whole = [merge, order](home_answers<T> answers) -> result<T> {
      T out{};
      for (auto& each : answers.all) {
        if (!each.said)
          return failure{errc::retry_later, each.from.name + ": " + silent_text};
        if (!*each.said)
          return failure{each.said->code(), each.from.name + ": " + each.said->error().detail};
        merge(out, std::move(**each.said), each.from);
      }
      order(out);
      return out;
    };
    gather<T>(homes_->open(), std::move(done), std::move(call), whole, wait::after_first);
  }
  /// A question for some homes; what those gave that answered within 2 s. Fails when none did.
  template <class T, class Call, class Merge>
  void
  ask_some(std::vector<home_stores::home> some, handler<T> done, Call call, Merge merge) const {
    const auto whole = [merge](home_answers<T> answers) -> result<T> {
      std::optional<T> out;
      for (auto& each : answers.all)
        if (each.said && *each.said) {
          if (!out)
            out.emplace();
          merge(*out, std::move(**each.said));
        }
      return out ? result<T>{std::move(*out)} : result<T>{why_nobody(answers)};
    };
    gather<T>(std::move(some), std::move(done), std::move(call), whole, wait::at_once);
  }
  /// A question about a machine of any farm: the only home that has it answers.
  template <class T, class Call>
  void ask_any(const std::string& machine, handler<T> done, Call call) const {
    const auto only = [machine](home_answers<T> answers) -> result<T> {
      std::optional<T> out;
      for (auto& each : answers.all) {
        if (each.said && is_decisive(*each.said))
          return each.said->error();
        if (each.said && *each.said) {
          if (out)
            return failure{errc::not_found,
                           "more than one farm has an equipment " + machine + ": name the farm"};
          out = std::move(**each.said);
        }
      }
      return out ? result<T>{std::move(*out)} : result<T>{why_nobody(answers)};
    };
    gather<T>(homes_->open(), std::move(done), std::move(call), only, wait::for_all);
  }
  /// About a machine of a farm, or of any farm when the farm is empty.
  template <class T, class Call>
  void
  ask_about(const std::string& farm, const std::string& machine, handler<T> done, Call call) const {
    if (farm.empty())
      ask_any<T>(machine, std::move(done), std::move(call));
    else
      ask<T>(farm, std::move(done), std::move(call));
  }

  /// Whether rows of this farm count when they come from this home: a farm that moved is elsewhere, too.
  [[nodiscard]] auto counts() const {
    return [homes = homes_.get()](const std::string& farm, const home_stores::home& from) {
      const auto lives = homes->find(farm);
      return !lives || lives->index == from.index;
    };
  }
  /// Appends the rows of farms that live in the home.
  template <class Row>
  [[nodiscard]] auto rows_of_home() const {
    return [counts = counts()](std::vector<Row>& into, std::vector<Row>&& more,
                               const home_stores::home& from) {
      for (auto& row : more)
        if (counts(row.farm, from))
          into.push_back(std::move(row));
    };
  }

private:
  static constexpr const char* silent_text = "the database did not answer in time";
  static constexpr std::chrono::milliseconds patience{2'000}; // with who is slower than the others

  /// How long a question waits: for every home; for `patience` after the first answer; for `patience` in all.
  enum class wait : std::uint8_t { for_all, after_first, at_once };

  template <class T, class Call>
  static handler<home_stores::home> and_then(handler<T> done, Call call) {
    return [done = std::move(done), call = std::move(call)](result<home_stores::home> at) mutable {
      if (!at)
        return done(at.error());
      call(*at->store, std::move(done));
    };
  }

  /// Whether a database may give this answer because the farm has left it.
  template <class T>
  static bool may_have_left(const home_stores& homes, const result<T>& said) {
    if (!said)
      return says_elsewhere(said.error()) || (said.code() == errc::not_found && !homes.alone());
    if constexpr (requires { said->rows.empty(); })
      return said->rows.empty() && !homes.alone();
    else if constexpr (requires { said->empty(); })
      return said->empty() && !homes.alone();
    else
      return false;
  }
  template <class T, class Call>
  static handler<T>
  or_again(home_stores& homes, std::string farm, std::size_t asked, handler<T> done, Call call) {
    return [homes = &homes, farm = std::move(farm), asked, done = std::move(done),
            call = std::move(call)](result<T> said) {
      if (!may_have_left(*homes, said))
        return done(std::move(said));
      auto first = std::make_shared<result<T>>(std::move(said));
      homes->look_again([homes, farm, asked, done, call, first](const result<furrow::done>&) {
        const auto now = homes->find(farm);
        if (now && now->index == asked)
          return done(std::move(*first));
        homes->locate(farm, and_then<T>(done, call));
      });
    };
  }

  /// Whether a home has rows of a farm that is known to live in another.
  template <class T>
  static bool has_strangers(const home_stores& homes, const home_answers<T>& answers) {
    for (const auto& each : answers.all)
      if (each.said && *each.said && has_strangers(homes, **each.said, each.from))
        return true;
    return false;
  }
  template <class T>
  static bool
  has_strangers(const home_stores& homes, const T& said, const home_stores::home& from) {
    const auto strange = [&](const auto& row) {
      if (row.farm.empty())
        return false;
      const auto lives = homes.find(row.farm);
      return lives && lives->index != from.index;
    };
    if constexpr (requires { said.rows.begin()->farm; })
      return std::any_of(said.rows.begin(), said.rows.end(), strange);
    else if constexpr (requires { said.begin()->farm; })
      return std::any_of(said.begin(), said.end(), strange);
    else
      return false;
  }

  /// Whether a home is well: that it has no such thing is an answer too.
  template <class T>
  static bool is_answer(const result<T>& said) {
    return said || said.code() == errc::not_found;
  }
  /// It has the machine, and cannot say of which: two of its farms have one. The others cannot answer for it.
  template <class T>
  static bool is_decisive(const result<T>& said) {
    return !said && said.code() == errc::not_found
           && !said.error().detail.starts_with("no equipment");
  }

  /// The failure that says most: a home that is away may have what the others have not.
  template <class T>
  static failure why_nobody(const home_answers<T>& answers) {
    std::optional<failure> none;
    for (const auto& each : answers.all) {
      const auto why = each.said ? each.said->error()
                                 : failure{errc::retry_later, each.from.name + ": " + silent_text};
      if (!none || (none->code == errc::not_found && why.code != errc::not_found))
        none = why;
    }
    return none.value_or(failure{errc::retry_later, "no database answered"});
  }

  template <class T>
  struct question {
    std::mutex mutex;
    home_answers<T> answers;
    std::size_t open = 0; // unanswered
    bool ended = false;
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    handler<T> done;
    std::function<result<T>(home_answers<T>)> whole;
    std::shared_ptr<home_watch> watch;
    home_stores* homes = nullptr;
  };

  template <class T>
  static void end(const std::shared_ptr<question<T>>& asked, std::unique_lock<std::mutex> lock) {
    auto& of = *asked;
    of.ended = true;
    auto answers = std::move(of.answers);
    lock.unlock();
    for (const auto& each : answers.all) {
      if (!each.said) {
        of.watch->silent(each.from.name);
        of.watch->missing(each.from.name, {errc::retry_later, silent_text});
      } else if (!*each.said && each.said->code() != errc::not_found)
        of.watch->missing(each.from.name, each.said->error());
    }
    // Main is well, so it can say at once whether the farm has moved.
    const auto& main = answers.all.front();
    if (main.from.index != home_stores::main || !main.said || !*main.said
        || !has_strangers(*of.homes, answers))
      return of.done(of.whole(std::move(answers)));
    auto kept = std::make_shared<home_answers<T>>(std::move(answers));
    of.homes->look_again(
      [asked, kept](const result<furrow::done>&) { asked->done(asked->whole(std::move(*kept))); });
  }

  template <class T>
  static void take(const std::shared_ptr<question<T>>& asked,
                   const std::string& database,
                   std::size_t at,
                   result<T> said,
                   const std::weak_ptr<deadlines>& late) {
    const bool answers = is_answer(said);
    if (answers)
      asked->watch->answered(database);
    std::unique_lock lock{asked->mutex};
    if (asked->ended)
      return;
    asked->answers.all[at].said = std::move(said);
    if (--asked->open == 0)
      return end(asked, std::move(lock));
    const auto clock = late.lock();
    if (!answers || !clock)
      return;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - asked->begun);
    end_after(std::max(patience, took), asked, *clock);
  }

  template <class T>
  static void end_after(std::chrono::milliseconds time,
                        const std::shared_ptr<question<T>>& asked,
                        deadlines& clock) {
    clock.after(time, [asked] {
      std::unique_lock last{asked->mutex};
      if (!asked->ended)
        end(asked, std::move(last));
    });
  }

  /// Asks these homes. When one has answered, the others have `patience` more, or as long again as it took. A home that
  /// was silent is asked too, and not waited for until it has answered.
  template <class T, class Call>
  void gather(std::vector<home_stores::home> open,
              handler<T> done,
              Call call,
              std::function<result<T>(home_answers<T>)> whole,
              wait how) const {
    const auto unusable = homes_->unusable();
    if (open.size() == 1 && unusable.empty() && how != wait::at_once)
      return call(*open.front().store, std::move(done));
    auto asked = std::make_shared<question<T>>();
    asked->done = std::move(done);
    asked->whole = std::move(whole);
    asked->watch = watch_;
    asked->homes = homes_.get();
    for (const auto& [name, why] : unusable)
      watch_->missing(name, why);
    std::vector<bool> waits;
    for (const auto& each : open) {
      waits.push_back(each.index == home_stores::main || !watch_->is_silent(each.name));
      asked->open += waits.back() ? 1 : 0;
      asked->answers.all.push_back(
        {each, waits.back() ? std::nullopt
                            : std::optional<result<T>>{failure{errc::retry_later, silent_text}}});
    }
    if (asked->open == 0)
      end(asked, std::unique_lock{asked->mutex});
    else if (how == wait::at_once)
      end_after(patience, asked, *late_);
    const std::weak_ptr<deadlines> late = how == wait::after_first ? late_ : nullptr;
    for (std::size_t at = 0; at < open.size(); ++at)
      if (waits[at])
        call(*open[at].store, handler<T>{[asked, at, late, name = open[at].name](result<T> said) {
          take(asked, name, at, std::move(said), late);
        }});
      else if (watch_->may_try(open[at].name))
        call(*open[at].store, handler<T>{[watch = watch_, name = open[at].name](result<T> said) {
          if (is_answer(said))
            watch->answered(name);
        }});
  }

  std::shared_ptr<home_stores> homes_;
  std::shared_ptr<home_watch> watch_;
  std::shared_ptr<deadlines> late_ = std::make_shared<deadlines>();
};

} // namespace furrow::storage
