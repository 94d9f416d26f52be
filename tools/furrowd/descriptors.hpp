/// The limit of open files: each session and each HTTP connection takes one.
///
/// Threads: at start only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace furrow::daemon {

struct descriptor_limit {
  std::uint64_t before = 0; // as the process was started
  std::uint64_t now = 0;
};

/// Raises the soft limit to the hard one, as far as that goes.
descriptor_limit raise_descriptor_limit();

/// Sessions that fit below a limit, beside HTTP connections, database connections and files.
[[nodiscard]] std::size_t sessions_within(std::uint64_t descriptors, std::size_t http_connections);

/// Says what was raised, and when it is too little for `sessions`.
void tell(const descriptor_limit& limit, std::size_t sessions, std::size_t http_connections);

} // namespace furrow::daemon
