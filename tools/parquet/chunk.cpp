#include "tools/parquet/chunk.hpp"

#include "tools/parquet/hybrid.hpp"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace furrow::parquet {

namespace {

constexpr int compression_level = 1;
constexpr std::int32_t data_page = 0;
constexpr std::int32_t dictionary_page = 2;
constexpr std::int32_t plain = 0;
constexpr std::int32_t rle = 3;
constexpr std::int32_t rle_dictionary = 8;

static_assert(std::endian::native == std::endian::little, "values are written as they are kept");

template <class T>
std::string plain_bytes(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

template <class T>
void append_bytes(std::string& out, const std::vector<T>& values) {
  const auto at = out.size();
  out.resize(at + values.size() * sizeof(T));
  if (!values.empty())
    std::memcpy(out.data() + at, values.data(), values.size() * sizeof(T));
}

void append_text(std::string& out, std::string_view text) {
  out += plain_bytes(static_cast<std::uint32_t>(text.size()));
  out += text;
}

void append_flags(std::string& out, const std::vector<std::uint8_t>& flags) {
  std::uint8_t byte = 0;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    byte = static_cast<std::uint8_t>(byte | (flags[i] != 0 ? 1U << i % 8 : 0U));
    if (i % 8 == 7 || i + 1 == flags.size()) {
      out += static_cast<char>(byte);
      byte = 0;
    }
  }
}

void append_plain(std::string& out, const column& of) {
  switch (of.type()) {
  case value_type::time:
  case value_type::integer:
    append_bytes(out, of.integers());
    return;
  case value_type::real:
    append_bytes(out, of.reals());
    return;
  case value_type::boolean:
    append_flags(out, of.flags());
    return;
  case value_type::text:
    for (std::size_t i = 0; i < of.values(); ++i)
      append_text(out, of.text(i));
    return;
  }
}

template <class T>
void set_range(chunk_facts& facts, const std::vector<T>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  auto low = *least;
  auto high = *greatest;
  if constexpr (std::is_floating_point_v<T>) { // as the format asks, because of the two zeros
    low = low == 0 ? -0.0 : low;
    high = high == 0 ? 0.0 : high;
  }
  facts.min = plain_bytes(low);
  facts.max = plain_bytes(high);
}

void set_range(chunk_facts& facts, const column& of) {
  if (of.values() == 0)
    return;
  switch (of.type()) {
  case value_type::time:
  case value_type::integer:
    set_range(facts, of.integers());
    return;
  case value_type::real:
    set_range(facts, of.reals());
    return;
  case value_type::boolean:
    set_range(facts, of.flags());
    return;
  case value_type::text: {
    auto low = of.text(0);
    auto high = low;
    for (std::size_t i = 1; i < of.values(); ++i) {
      low = std::min(low, of.text(i));
      high = std::max(high, of.text(i));
    }
    if (std::max(low.size(), high.size()) > chunk_writer::statistics_bytes_max)
      return;
    facts.min = std::string{low};
    facts.max = std::string{high};
    return;
  }
  }
}

} // namespace

physical_type physical_of(value_type type) {
  switch (type) {
  case value_type::time:
  case value_type::integer:
    return physical_type::int64;
  case value_type::real:
    return physical_type::real;
  case value_type::boolean:
    return physical_type::boolean;
  case value_type::text:
    break;
  }
  return physical_type::byte_array;
}

void chunk_writer::free_context::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

chunk_writer::chunk_writer() : context_{ZSTD_createCCtx()} {
  if (!context_)
    throw std::bad_alloc{};
}

/// False: the texts repeat too little.
bool chunk_writer::make_dictionary(const column& of) {
  dictionary_.clear();
  indices_.clear();
  std::unordered_map<std::string_view, std::uint32_t> known;
  std::string_view last;
  std::uint32_t last_index = 0;
  for (std::size_t i = 0; i < of.values(); ++i) {
    const auto text = of.text(i);
    if (i == 0 || text != last) {
      const auto [at, fresh] = known.try_emplace(text, static_cast<std::uint32_t>(known.size()));
      if (fresh)
        append_text(dictionary_, text);
      if (dictionary_.size() > dictionary_bytes_max)
        return false;
      last = text;
      last_index = at->second;
    }
    indices_.push_back(last_index);
  }
  dictionary_size_ = static_cast<std::uint32_t>(known.size());
  return !known.empty() && known.size() <= of.values() / 2;
}

chunk_facts
chunk_writer::append(std::string& out, std::int64_t offset, const column& of, bool required) {
  chunk_facts facts;
  facts.values = static_cast<std::int64_t>(of.rows());
  facts.absent = static_cast<std::int64_t>(of.absent());
  facts.offset = offset;
  set_range(facts, of);
  const auto begin = out.size();
  indices_are_used_ = of.type() == value_type::text && make_dictionary(of);
  if (indices_are_used_) {
    facts.dictionary_offset = offset;
    page_ = dictionary_;
    append_page(out, facts, true, dictionary_size_);
  }
  facts.data_offset = offset + static_cast<std::int64_t>(out.size() - begin);
  page_.clear();
  if (!required) {
    levels_.assign(of.present().begin(), of.present().end());
    packed_.clear();
    append_hybrid(packed_, levels_, 1);
    append_text(page_, packed_);
  }
  if (indices_are_used_) {
    const auto bits = static_cast<unsigned>(std::bit_width(dictionary_size_ - 1));
    page_ += static_cast<char>(std::max(bits, 1U));
    append_hybrid(page_, indices_, std::max(bits, 1U));
  } else {
    append_plain(page_, of);
  }
  append_page(out, facts, false, of.rows());
  facts.bytes = static_cast<std::int64_t>(out.size() - begin);
  return facts;
}

void chunk_writer::append_page(std::string& out,
                               chunk_facts& facts,
                               bool dictionary,
                               std::size_t values) {
  packed_.resize(ZSTD_compressBound(page_.size()));
  const auto size = ZSTD_compressCCtx(context_.get(), packed_.data(), packed_.size(), page_.data(),
                                      page_.size(), compression_level);
  if (ZSTD_isError(size) != 0)
    throw std::runtime_error{std::string{"zstd: "} + ZSTD_getErrorName(size)};
  const auto begin = out.size();
  compact_writer head{out};
  head.i32(1, dictionary ? dictionary_page : data_page);
  head.i32(2, static_cast<std::int32_t>(page_.size()));
  head.i32(3, static_cast<std::int32_t>(size));
  head.begin(dictionary ? 7 : 5);
  head.i32(1, static_cast<std::int32_t>(values));
  head.i32(2, dictionary || !indices_are_used_ ? plain : rle_dictionary);
  if (!dictionary) {
    head.i32(3, rle); // definition levels
    head.i32(4, rle); // repetition levels, of which there are none
  }
  head.end();
  head.end();
  facts.raw_bytes += static_cast<std::int64_t>(out.size() - begin + page_.size());
  out.append(packed_.data(), size);
}

} // namespace furrow::parquet
