/// A value, or the reason why there is none. Leaves return it; nobody throws across a folder.
///
/// Errors: `Errc` is the folder's own `errc : uint8_t`; `detail` is one line for a person (file:line:column, field, limit).
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace furrow {

template <class Errc>
struct failure {
  Errc code{};
  std::string detail;
};

template <class T, class Errc>
class [[nodiscard]] result {
public:
  result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  result(failure<Errc> why) : state_{std::in_place_index<1>, std::move(why)} {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const failure<Errc>& error() const { return std::get<1>(state_); }
  [[nodiscard]] Errc code() const { return has_value() ? Errc{} : error().code; }

private:
  std::variant<T, failure<Errc>> state_;
};

/// The result of what only succeeds or fails.
struct done {};

} // namespace furrow
