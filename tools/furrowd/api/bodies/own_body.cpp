#include "tools/furrowd/api/bodies/own_body.hpp"

#include <openssl/evp.h>
#include <utf8.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace furrow::http {

namespace {

constexpr std::ptrdiff_t double_digits_max = 17; // more are lost

/// Accepts what a parser reads without loss, and the depth that it walks safely.
class lossless : public nlohmann::json_sax<json_rows::json> {
public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t value, const string_t& text) override {
    const auto exponent = text.find_first_of("eE");
    if (exponent == std::string::npos && text.find('.') == std::string::npos)
      return false; // an integer of more than 64 bits
    const std::string_view mantissa = std::string_view{text}.substr(0, exponent);
    const auto first = mantissa.find_first_of("123456789");
    if (first == std::string_view::npos)
      return true; // zero
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return std::isfinite(value) && value != 0
           && std::count_if(mantissa.begin() + static_cast<std::ptrdiff_t>(first), mantissa.end(),
                            is_digit)
                <= double_digits_max;
  }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*count*/) override { return ++depth_ <= own_body_depth_max; }
  bool key(string_t& /*name*/) override { return true; }
  bool end_object() override { return depth_-- > 0; }
  bool start_array(std::size_t /*count*/) override { return ++depth_ <= own_body_depth_max; }
  bool end_array() override { return depth_-- > 0; }
  bool parse_error(std::size_t /*at*/,
                   const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return false;
  }

private:
  std::size_t depth_ = 0;
};

std::string base64_of(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // the library ends it with a zero
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                    reinterpret_cast<const unsigned char*>(bytes.data()),
                                    static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

} // namespace

own_body to_own_body(std::string_view stored) {
  if (!utf8::is_valid(stored.begin(), stored.end()))
    return {base64_of(stored), "base64"};
  lossless check;
  if (!json_rows::json::sax_parse(stored, &check))
    return {std::string{stored}, "text"};
  return {json_rows::json::parse(stored), "json"};
}

} // namespace furrow::http
