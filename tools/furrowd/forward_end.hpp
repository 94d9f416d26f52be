/// `--forward none`: the databases of this node forward to nobody, and retention waits for no head office.
///
/// Without --forward the hold of a former start stands, because it may have been left out by mistake.
/// Errors: one line in the log (forward_stands); retention then waits as before.
/// Threads: any.
#pragma once

#include "storage/homes/home_stores.hpp"
#include "storage/store.hpp"

namespace furrow::daemon {

/// Main now, and every other database when it is opened.
void end_forwarding(storage::store& main, storage::home_stores& homes);

} // namespace furrow::daemon
