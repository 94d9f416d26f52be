#include "tools/furrow/logs/wanted_signals.hpp"

#include "tools/words/nearest.hpp"

#include <algorithm>

namespace furrow::cli {

namespace {

using wanted_fault = furrow::failure<wanted_errc>;

wanted_fault
unknown(const char* what, const std::string& name, const std::vector<std::string>& known) {
  return {wanted_errc::unknown, std::string{"no "} + what + " \"" + name + "\" in the DBC files"
                                  + words::did_you_mean(name, known)};
}

/// Wants the signals for which `takes` returns true; false when there is none.
template <class Takes>
bool want(std::vector<bool>& wanted, const Takes& takes) {
  bool any = false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (takes(i)) {
      wanted[i] = true;
      any = true;
    }
  return any;
}

} // namespace

furrow::result<wanted_signals, wanted_errc>
wanted_signals::of(const can::decode_plan& plan,
                   const std::vector<std::string>& messages,
                   const std::vector<std::string>& signals) {
  wanted_signals out;
  if (messages.empty() && signals.empty())
    return out;
  const auto& all = plan.signals();
  const auto message_of = [&](std::size_t i) -> const std::string& {
    return plan.messages()[all[i].message].name;
  };
  std::vector<bool> by_message(all.size(), messages.empty());
  for (const auto& name : messages)
    if (!want(by_message, [&](std::size_t i) { return message_of(i) == name; })) {
      std::vector<std::string> known;
      for (const auto& one : plan.messages())
        known.push_back(one.name);
      return unknown("message", name, known);
    }
  std::vector<bool> by_signal(all.size(), signals.empty());
  for (const auto& name : signals)
    if (!want(by_signal, [&](std::size_t i) {
          return all[i].name == name || message_of(i) + "." + all[i].name == name;
        })) {
      std::vector<std::string> known;
      const bool whole = name.find('.') != std::string::npos;
      for (std::size_t i = 0; i < all.size(); ++i)
        known.push_back(whole ? message_of(i) + "." + all[i].name : all[i].name);
      return unknown("signal", name, known);
    }
  out.wanted_.resize(all.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    out.wanted_[i] = by_message[i] && by_signal[i];
  return out;
}

std::size_t wanted_signals::keep(std::span<can::decoded_signal> values) const {
  const auto end = std::remove_if(values.begin(), values.end(),
                                  [this](const auto& value) { return !wanted_[value.signal]; });
  return static_cast<std::size_t>(end - values.begin());
}

} // namespace furrow::cli
