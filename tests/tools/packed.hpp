/// Texts packed as the programs gzip and zstd pack them.
#pragma once

#include <doctest/doctest.h>

#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <string>

namespace furrow::tests {

inline std::string gzipped(const std::string& text) {
  z_stream packer{};
  REQUIRE(deflateInit2(&packer, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&packer, text.size()), '\0');
  packer.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  packer.avail_in = static_cast<uInt>(text.size());
  packer.next_out = reinterpret_cast<Bytef*>(out.data());
  packer.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&packer, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - packer.avail_out);
  deflateEnd(&packer);
  return out;
}

/// With a checksum, as the program zstd packs.
inline std::string zstd_packed(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> packer{ZSTD_createCCtx(),
                                                                       ZSTD_freeCCtx};
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_checksumFlag, 1);
  const auto size = ZSTD_compress2(packer.get(), out.data(), out.size(), text.data(), text.size());
  REQUIRE(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

} // namespace furrow::tests
