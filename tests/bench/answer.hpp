/// Waits for a store's answer; the benchmark ends when the answer is a failure.
#pragma once

#include "storage/store.hpp"

#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <utility>

namespace furrow::bench {

template <class T, class Call>
T answer_of(Call call) {
  auto promised = std::make_shared<std::promise<storage::result<T>>>();
  call([promised](storage::result<T> outcome) { promised->set_value(std::move(outcome)); });
  auto outcome = promised->get_future().get();
  if (!outcome) {
    std::fprintf(stderr, "%s\n", outcome.error().detail.c_str());
    std::exit(1);
  }
  return std::move(*outcome);
}

} // namespace furrow::bench
