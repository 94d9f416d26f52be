#include "tools/furrowd/config/named_files.hpp"

#include "tools/config/whole_file.hpp"

#include <fmt/format.h>

#include <cctype>
#include <utility>

namespace furrow::daemon {

namespace {

/// The error with the option that names its file: the text of the error begins with the file.
failure under_option(const settings& given, failure error) {
  for (const auto& [option, file] :
       {std::pair{"--tls-cert: ", &given.tls.certificate}, std::pair{"--tls-key: ", &given.tls.key},
        std::pair{"--tls-client-ca: ", &given.tls.client_authorities},
        std::pair{"--tokens: ", &given.tokens}})
    if (!file->empty() && error.detail.starts_with(*file + ':')) {
      error.detail.insert(0, option);
      break;
    }
  error.detail = given.in_force.located(error.detail);
  return error;
}

result<named_files> read_files(const settings& given) {
  named_files out;
  if (!given.tls.certificate.empty()) {
    auto gateways = server_tls(given.tls);
    if (!gateways)
      return gateways.error();
    // People and their programs are known by their tokens, not by certificates.
    auto http = server_tls({given.tls.certificate, given.tls.key, {}});
    if (!http)
      return http.error();
    out.gateways = std::move(*gateways);
    out.http = std::move(*http);
  }
  if (!given.tokens.empty()) {
    auto tokens = token_table::load(given.tokens);
    if (!tokens)
      return tokens.error();
    out.tokens = std::move(*tokens);
  }
  if (!given.link.empty()) {
    auto link = make_link_tls(given.link_tls, given.node.name, given.tls.client_authorities);
    if (!link)
      return link.error();
    out.link = std::move(*link);
  }
  // Each line to head office reads it again.
  if (!given.forward.token_file.empty())
    if (const auto token = config::read_secret(given.forward.token_file); !token)
      return failure{errc::unreadable, "--forward-token-file: " + token.error().detail};
  return out;
}

} // namespace

result<named_files> load_files(const settings& given) {
  auto out = read_files(given);
  if (!out)
    return under_option(given, out.error());
  return out;
}

std::string with_password(const std::string& database, const std::string& password) {
  const bool is_url = database.find("://") != std::string::npos;
  std::string written;
  for (const char c : password) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_url && std::isalnum(byte) == 0)
      written += fmt::format("%{:02X}", byte);
    else if (!is_url && (c == '\'' || c == '\\'))
      written += {'\\', c};
    else
      written += c;
  }
  if (!is_url)
    return database + " password='" + written + '\'';
  return database + (database.find('?') == std::string::npos ? '?' : '&') + "password=" + written;
}

} // namespace furrow::daemon
