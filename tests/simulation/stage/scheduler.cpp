#include "tests/simulation/stage/scheduler.hpp"

#include <algorithm>

namespace furrow::simulation {

std::uint64_t dice::next() {
  auto z = (state_ += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

void scheduler::in(clock::duration after, task what) {
  heap_.push_back({now_ + after, ++serials_, std::move(what)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool scheduler::step(time_point until) {
  if (heap_.empty() || heap_.front().at > until)
    return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  auto next = std::move(heap_.back());
  heap_.pop_back();
  now_ = next.at;
  ++steps_;
  next.what();
  return true;
}

void process::start() {
  alive_ = true;
  frozen_ = unplugged_ = false;
  awake_since_ = time_.now();
  ++life_;
}

void process::kill(bool unplug) {
  alive_ = frozen_ = false;
  unplugged_ = unplug;
  ++life_;
  parked_.clear();
}

void process::in(clock::duration after, task what) {
  if (!alive_)
    return;
  time_.in(after, [this, life = life_, what = std::move(what)]() mutable {
    if (life == life_)
      run(std::move(what));
  });
}

void process::run(task what) {
  if (!alive_)
    return;
  if (frozen_ || !parked_.empty()) {
    parked_.push_back(std::move(what));
    return;
  }
  what();
}

void process::thaw() {
  if (!std::exchange(frozen_, false))
    return;
  awake_since_ = time_.now();
  time_.in({}, [this, life = life_] {
    if (life == life_)
      run_parked();
  });
}

void process::run_parked() {
  const auto life = life_;
  while (life == life_ && !frozen_ && !parked_.empty()) {
    const auto what = std::move(parked_.front());
    parked_.pop_front();
    what();
  }
}

} // namespace furrow::simulation
