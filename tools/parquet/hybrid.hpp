/// The hybrid of runs and packed bits that Parquet writes levels and indices of dictionaries in.
///
/// Shape: a run of eight or more equal values is a count and the value. Others are packed by eights, the lowest bits
///   first.
/// Threads: a pure function.
/// Source: apache/parquet-format, Encodings.md, RLE (3).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace furrow::parquet {

/// `bits`: of a value, 1 to 32.
void append_hybrid(std::string& out, std::span<const std::uint32_t> values, unsigned bits);

} // namespace furrow::parquet
