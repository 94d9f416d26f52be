#include "tools/furrowd/access/link_book.hpp"

namespace furrow::daemon {

const char* to_string(link_refusal why) {
  switch (why) {
  case link_refusal::silent:
    return "silent";
  case link_refusal::not_tls:
    return "not_tls";
  case link_refusal::no_certificate:
    return "no_certificate";
  case link_refusal::unknown_authority:
    return "unknown_authority";
  case link_refusal::certificate_expired:
    return "certificate_expired";
  case link_refusal::not_trusted:
    return "not_trusted";
  case link_refusal::tls:
    return "tls";
  case link_refusal::wrong_purpose:
    return "wrong_purpose";
  case link_refusal::wrong_name:
    return "wrong_name";
  case link_refusal::unknown_node:
    return "unknown_node";
  case link_refusal::wrong_address:
    return "wrong_address";
  case link_refusal::version:
    return "version";
  case link_refusal::malformed:
    return "malformed";
  case link_refusal::limit:
    return "limit";
  case link_refusal::full:
    return "full";
  }
  return "unknown";
}

link_book::counts link_book::counted() const {
  counts made;
  made.accepted = accepted_;
  made.dialed = dialed_;
  for (std::size_t i = 0; i < refused_.size(); ++i)
    made.refused[i] = refused_[i];
  return made;
}

} // namespace furrow::daemon
