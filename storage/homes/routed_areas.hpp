/// The areas of a routed store: each asks the home of the farm that a question names, or all homes.
///
/// Errors, threads: as storage/homes/home_router.hpp, which must outlive them.
#pragma once

#include "storage/homes/home_router.hpp"
#include "storage/series/series.hpp"

#include <memory>

namespace furrow::storage {

[[nodiscard]] std::unique_ptr<frame_store> routed_frames(const home_router& router);
[[nodiscard]] std::unique_ptr<record_store> routed_records(const home_router& router);
[[nodiscard]] std::unique_ptr<quarantine_store> routed_quarantine(const home_router& router);
[[nodiscard]] std::unique_ptr<history_store> routed_history(const home_router& router);
[[nodiscard]] std::unique_ptr<series_store> routed_series(const home_router& router);
[[nodiscard]] std::unique_ptr<repositories> routed_repositories(const home_router& router);
[[nodiscard]] std::unique_ptr<removal_store> routed_removals(const home_router& router);
[[nodiscard]] std::unique_ptr<dbc_store> routed_dbc(const home_router& router);
[[nodiscard]] std::unique_ptr<size_store> routed_sizes(const home_router& router);
[[nodiscard]] std::unique_ptr<forward_store> routed_forward(const home_router& router);
[[nodiscard]] std::unique_ptr<membership_store> routed_membership(const home_router& router);

} // namespace furrow::storage
