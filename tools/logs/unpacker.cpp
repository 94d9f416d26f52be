#include "tools/logs/unpacker.hpp"

#include <zlib.h>
#include <zstd.h>

#include <limits>

namespace furrow::logs {

namespace {

constexpr int window_log_max = 27; // of zstd: 128 MiB
static_assert(unpacker::window_bytes_max == std::size_t{1} << window_log_max);
constexpr int gzip_only = 16 + MAX_WBITS;

} // namespace

struct unpacker::state {
  packing how;
  bool begun = false; // in the middle of a packed part
  z_stream gzip{};
  ZSTD_DCtx* zstd = nullptr;

  result<std::size_t> unpack_gzip(std::string_view& in, std::span<char> out);
  result<std::size_t> unpack_zstd(std::string_view& in, std::span<char> out);
};

packing unpacker::packing_of(std::string_view head) {
  if (head.starts_with("\x1F\x8B")) // no text begins so; a method other than 8 is damage
    return packing::gzip;
  return head.starts_with("\x28\xB5\x2F\xFD") ? packing::zstd : packing::none;
}

unpacker::unpacker(packing how) : state_{std::make_unique<state>()} {
  state_->how = how;
  if (how == packing::gzip) {
    inflateInit2(&state_->gzip, gzip_only);
  } else {
    state_->zstd = ZSTD_createDCtx();
    ZSTD_DCtx_setParameter(state_->zstd, ZSTD_d_windowLogMax, window_log_max);
  }
}

unpacker::~unpacker() {
  if (state_->how == packing::gzip)
    inflateEnd(&state_->gzip);
  ZSTD_freeDCtx(state_->zstd);
}

bool unpacker::complete() const {
  return !state_->begun;
}

result<std::size_t> unpacker::unpack(std::string_view& in, std::span<char> out) {
  return state_->how == packing::gzip ? state_->unpack_gzip(in, out) : state_->unpack_zstd(in, out);
}

result<std::size_t> unpacker::state::unpack_gzip(std::string_view& in, std::span<char> out) {
  std::size_t made = 0;
  while (made == 0 && (!in.empty() || begun)) {
    if (!begun && inflateReset2(&gzip, gzip_only) != Z_OK)
      return failure{errc::damaged, "no memory to unpack gzip data"};
    begun = true;
    gzip.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    gzip.avail_in = static_cast<uInt>(in.size());
    gzip.next_out = reinterpret_cast<Bytef*>(out.data());
    gzip.avail_out = static_cast<uInt>(out.size());
    const auto code = inflate(&gzip, Z_NO_FLUSH);
    in.remove_prefix(in.size() - gzip.avail_in);
    made = out.size() - gzip.avail_out;
    if (code == Z_STREAM_END)
      begun = false;
    else if (code == Z_BUF_ERROR)
      break; // it needs more input
    else if (code != Z_OK)
      return failure{errc::damaged, "damaged gzip data"};
  }
  return made;
}

result<std::size_t> unpacker::state::unpack_zstd(std::string_view& in, std::span<char> out) {
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{in.data(), in.size(), 0};
  while (to.pos == 0) {
    const auto before = from.pos;
    const auto left = ZSTD_decompressStream(zstd, &to, &from);
    if (ZSTD_isError(left) != 0)
      return failure{errc::damaged, std::string{"damaged zstd data: "} + ZSTD_getErrorName(left)};
    if (before != from.pos || to.pos != 0)
      begun = left != 0;
    if (from.pos == from.size && to.pos == 0)
      break;
  }
  in.remove_prefix(from.pos);
  return to.pos;
}

} // namespace furrow::logs
