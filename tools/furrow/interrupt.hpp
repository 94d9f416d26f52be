/// Ctrl-C while a command repeats or draws on the screen: a request ends at once, and the command in good order.
///
/// Threads: any. A second signal ends the program.
#pragma once

namespace furrow::cli {

/// From now on SIGINT and SIGTERM are noted. False: they cannot be handled.
[[nodiscard]] bool note_interrupts();
[[nodiscard]] bool notes_interrupts();
[[nodiscard]] bool interrupted();

} // namespace furrow::cli
