/// Opens the databases of a node: main at once, another one when the first of its farms needs it.
///
/// Shape: another database has the settings of main, besides its URL, which the directory names.
/// Errors: misconfigured, for an invalid --database.
#pragma once

#include "can/frame/stream.hpp"
#include "storage/homes/home_stores.hpp"
#include "tools/furrowd/config/settings.hpp"

#include <memory>

namespace furrow::daemon {

[[nodiscard]] storage::result<std::shared_ptr<storage::home_stores>>
open_databases(const settings& settings, const can::stream_id& incarnation);

} // namespace furrow::daemon
