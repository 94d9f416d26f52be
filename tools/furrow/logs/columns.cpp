#include "tools/furrow/logs/columns.hpp"

#include <utf8.h>

#include <clocale>
#include <cwchar>
#include <iterator>
#include <string>

namespace furrow::cli {

std::size_t columns_of(std::string_view text) {
  std::string sound;
  utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(sound));
  // wcwidth knows no character beyond ASCII in the locale that a program starts with.
  static const locale_t characters = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const auto before = ::uselocale(characters);
  std::size_t columns = 0;
  for (const auto* at = sound.data(); at != sound.data() + sound.size();) {
    const int width = ::wcwidth(static_cast<wchar_t>(utf8::unchecked::next(at)));
    columns += width < 0 ? 1U : static_cast<std::size_t>(width);
  }
  ::uselocale(before);
  return columns;
}

} // namespace furrow::cli
