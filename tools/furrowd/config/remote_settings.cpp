#include "tools/furrowd/config/remote_settings.hpp"

#include "tools/furrowd/api/map/base_map.hpp"
#include "tools/furrowd/gateway/listener.hpp"

#include <vector>

#include <CLI/CLI.hpp>

namespace furrow::daemon {

namespace {

std::optional<std::string> invalid_link(const settings& given) {
  const auto& files = given.link_tls;
  const bool whole = !files.authority.empty() && !files.certificate.empty() && !files.key.empty();
  const bool none = files.authority.empty() && files.certificate.empty() && files.key.empty();
  if (given.link.empty())
    return none && given.link_peers.empty()
             ? std::nullopt
             : std::optional<std::string>{
               "--link-ca, --link-cert, --link-key and --link-peer need --link"};
  if (!whole)
    return "--link needs --link-ca, --link-cert and --link-key";
  if (const auto sound = check_address(given.link); !sound)
    return "--link: " + sound.error().detail;
  for (const auto& one : given.link_peers) {
    const auto equals = one.find('=');
    if (equals == 0 || equals == std::string::npos)
      return "--link-peer: '" + one + "' is not NAME=HOST:PORT";
    if (const auto sound = check_address(one.substr(equals + 1)); !sound)
      return "--link-peer: " + sound.error().detail;
  }
  return std::nullopt;
}

std::optional<std::string> invalid_forward(const settings& given) {
  const auto& forward = given.forward;
  if (forward.nodes.empty())
    return forward.token_file.empty() && !forward.with_tls()
             ? std::nullopt
             : std::optional<std::string>{
               "--forward-token-file and the TLS flags of forwarding need --forward"};
  if (forward.token_file.empty())
    return "--forward needs --forward-token-file";
  if (forward.tls.cert.empty() != forward.tls.key.empty())
    return "--forward-cert and --forward-key must be given together";
  for (const auto& node : forward.nodes)
    if (const auto sound = edge::parse_endpoint(node); !sound)
      return "--forward: " + sound.error().detail;
  return std::nullopt;
}

std::optional<std::string> invalid_map(const settings& given) {
  if (!given.map.empty() && !given.map_url.empty())
    return "--map and --map-url exclude each other: give one";
  if (given.map_url.empty() != given.map_attribution.empty())
    return "--map-url and --map-attribution must be given together: who made the tiles is shown";
  if (given.map_url.empty())
    return std::nullopt;
  if (const auto why = http::fault_of_map_url(given.map_url))
    return "--map-url " + given.map_url + ": " + *why;
  return std::nullopt;
}

} // namespace

void add_link_flags(CLI::App& app, settings& out) {
  app.add_option("--link", out.link,
                 "address for the other nodes of the cluster, HOST:PORT; without it this node "
                 "answers for itself alone");
  app.add_option("--link-ca", out.link_tls.authority,
                 "PEM file: the authority of the cluster; it signs nodes and nothing else");
  app.add_option("--link-cert", out.link_tls.certificate,
                 "PEM file: certificate of this node with its chain; it names the node (DNS name), "
                 "for server and client");
  app.add_option("--link-key", out.link_tls.key, "PEM file: key of the certificate, not encrypted");
  app
    .add_option("--link-peer", out.link_peers,
                "NAME=HOST:PORT of another node, where no database tells; repeat for more")
    ->delimiter(',');
}

void add_forward_flags(CLI::App& app, settings& out) {
  auto& forward = out.forward;
  app
    .add_option("--forward", forward.nodes,
                "HOST:PORT of the nodes of head office: this node is a site and sends them what it "
                "stores; repeat for more. none: retention stops waiting for head office")
    ->delimiter(',');
  app.add_option("--forward-token-file", forward.token_file,
                 "file whose first line is a token of head office, of the role relay");
  app.add_flag("--forward-tls", forward.use_tls,
               "use TLS to head office with the system's certificate authorities");
  app.add_option("--forward-ca", forward.tls.ca,
                 "certificate authority of head office (PEM); implies --forward-tls");
  app.add_option("--forward-cert", forward.tls.cert,
                 "certificate of this site for head office (PEM); implies --forward-tls");
  app.add_option("--forward-key", forward.tls.key, "key of that certificate (PEM)");
  app
    .add_option("--forward-rate", forward.bytes_a_second,
                "most bytes a second to head office, over all machines; 0: no limit")
    ->capture_default_str();
}

void add_map_flags(CLI::App& app, settings& out) {
  app.add_option("--map", out.map,
                 "MBTiles file of pictures (PNG, JPEG, WebP), which the maps of the console show");
  app.add_option("--map-url", out.map_url,
                 "tiles of another server in place of --map: "
                 "https://tiles.example.org/{z}/{x}/{y}.png; browsers ask it");
  app.add_option("--map-attribution", out.map_attribution,
                 "who made the tiles of --map-url; shown on every map");
}

void take_end_of_forwarding(settings& out) {
  if (out.forward.nodes != std::vector<std::string>{"none"})
    return;
  out.forward.nodes.clear();
  out.forward_ends = true;
}

std::optional<std::string> invalid_remote(const settings& given) {
  if (auto why = invalid_link(given))
    return why;
  if (auto why = invalid_forward(given))
    return why;
  return invalid_map(given);
}

} // namespace furrow::daemon
