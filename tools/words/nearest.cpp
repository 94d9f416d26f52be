#include "tools/words/nearest.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace furrow::words {

namespace {

constexpr std::size_t letters_max = 64;

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

/// The restricted Damerau-Levenshtein distance; three rows of its table are enough.
std::size_t distance(std::string_view a, std::string_view b) {
  using row = std::array<std::size_t, letters_max + 1>;
  row before_last{};
  row last{};
  row now{};
  for (std::size_t j = 0; j <= b.size(); ++j)
    now[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = last;
    last = now;
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
        now[j] = std::min(now[j], before_last[j - 2] + 1);
    }
  }
  return now[b.size()];
}

} // namespace

std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& known) {
  if (typed.empty() || typed.size() > letters_max)
    return std::nullopt;
  std::optional<std::string> best;
  auto smallest = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const auto& word : known) {
    if (word.size() > letters_max)
      continue;
    const auto apart = distance(typed, word);
    const bool same_length =
      best && apart == smallest && best->size() != typed.size() && word.size() == typed.size();
    if (apart < smallest || same_length) {
      smallest = apart;
      best = word;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known) {
  const auto word = nearest(typed, known);
  return word ? "; did you mean \"" + *word + "\"?" : "";
}

} // namespace furrow::words
