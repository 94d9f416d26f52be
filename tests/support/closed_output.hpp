/// An output that its reader closes after a number of bytes, as `head` does.
#pragma once

#include <cerrno>
#include <cstddef>
#include <streambuf>

namespace furrow::tests {

class closed_output : public std::streambuf {
public:
  explicit closed_output(std::size_t bytes_max) : left_{bytes_max} {}

protected:
  int overflow(int byte) override {
    if (left_ == 0) {
      errno = EPIPE;
      return traits_type::eof();
    }
    --left_;
    return traits_type::not_eof(byte);
  }

private:
  std::size_t left_;
};

} // namespace furrow::tests
