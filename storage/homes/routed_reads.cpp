// What a store reads of one machine: its farm names the home. Without a farm the only home with such a machine answers.
#include "storage/history.hpp"
#include "storage/homes/routed_areas.hpp"
#include "storage/records.hpp"

#include <algorithm>
#include <iterator>
#include <memory>

namespace furrow::storage {

namespace {

class frames_by_home : public frame_store {
public:
  explicit frames_by_home(const home_router& router) : router_{router} {}

  void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) override {
    router_.ask_about<frames_page>(query.farm, query.equipment, std::move(done),
                                   [query, cursor](store& of, auto answered) {
                                     of.frames()->read_frames(query, cursor, std::move(answered));
                                   });
  }
  void newest_frames(std::string farm,
                     std::string equipment,
                     std::size_t count,
                     handler<std::vector<stored_frame>> done) override {
    router_.ask_about<std::vector<stored_frame>>(
      farm, equipment, std::move(done), [farm, equipment, count](store& of, auto answered) {
        of.frames()->newest_frames(farm, equipment, count, std::move(answered));
      });
  }

private:
  const home_router& router_;
};

class records_by_home : public record_store {
public:
  explicit records_by_home(const home_router& router) : router_{router} {}

  void insert_records(record_batch batch, handler<record_batch_outcome> done) override {
    // Shared: the router keeps the question in case that it has to ask again.
    const auto kept = std::make_shared<const record_batch>(std::move(batch));
    router_.change<record_batch_outcome>(kept->farm, std::move(done),
                                         [kept](store& of, auto answered) {
                                           of.records()->insert_records(*kept, std::move(answered));
                                         });
  }
  void read_records(records_query query,
                    std::optional<records_cursor> after,
                    handler<records_page> done) override {
    router_.ask_about<records_page>(query.farm, query.equipment, std::move(done),
                                    [query, after](store& of, auto answered) {
                                      of.records()->read_records(query, after, std::move(answered));
                                    });
  }

private:
  const home_router& router_;
};

/// All faults of every home up to a row, in their order. A home gives a page at a time.
class fault_walk : public std::enable_shared_from_this<fault_walk> {
public:
  fault_walk(store& of, faults_query query, std::uint64_t rows, handler<faults_page> done)
    : of_{of}, query_{std::move(query)}, wanted_{rows}, done_{std::move(done)} {}

  void next() {
    of_.history()->read_faults(query_, [self = shared_from_this()](result<faults_page> page) {
      if (!page)
        return self->done_(page.error());
      auto& rows = self->whole_.rows;
      std::move(page->rows.begin(), page->rows.end(), std::back_inserter(rows));
      self->whole_.next = page->next;
      if (!page->next || rows.size() > self->wanted_)
        return self->done_(std::move(self->whole_));
      self->query_.skip = *page->next;
      self->next();
    });
  }

private:
  store& of_;
  faults_query query_;
  const std::uint64_t wanted_;
  handler<faults_page> done_;
  faults_page whole_;
};

class history_by_home : public history_store {
public:
  explicit history_by_home(const home_router& router) : router_{router} {}

  void read_telemetry(history_query query, handler<telemetry_page> done) override {
    router_.ask_about<telemetry_page>(query.farm, query.equipment, std::move(done),
                                      [query](store& of, auto answered) {
                                        of.history()->read_telemetry(query, std::move(answered));
                                      });
  }
  void read_rollup(history_query query,
                   std::string signal,
                   rollup_bucket bucket,
                   handler<rollup_page> done) override {
    router_.ask_about<rollup_page>(
      query.farm, query.equipment, std::move(done),
      [query, signal = std::move(signal), bucket](store& of, auto answered) {
        of.history()->read_rollup(query, signal, bucket, std::move(answered));
      });
  }
  void list_signals(std::string farm,
                    std::string equipment,
                    handler<std::vector<known_signal>> done) override {
    router_.ask_about<std::vector<known_signal>>(
      farm, equipment, std::move(done), [farm, equipment](store& of, auto answered) {
        of.history()->list_signals(farm, equipment, std::move(answered));
      });
  }
  void read_faults(faults_query query, handler<faults_page> done) override {
    const auto call = [query](store& of, handler<faults_page> answered) {
      of.history()->read_faults(query, std::move(answered));
    };
    if (!query.farm.empty() || !query.equipment.empty() || router_.one_home())
      return router_.ask_about<faults_page>(query.farm, query.equipment, std::move(done), call);
    read_faults_of_all(std::move(query), std::move(done));
  }
  void digest_progress(handler<digest_status> done) override {
    router_.ask_all<digest_status>(
      std::move(done),
      [](store& of, auto answered) { of.history()->digest_progress(std::move(answered)); },
      [](digest_status& into, digest_status&& more, const home_stores::home&) {
        into.streams += more.streams;
        into.streams_behind += more.streams_behind;
        into.items_behind += more.items_behind;
        if (more.oldest_us)
          into.oldest_us = std::min(into.oldest_us.value_or(*more.oldest_us), *more.oldest_us);
      },
      [](digest_status&) {});
  }

private:
  /// A page of one database has so many rows; so has one of all.
  static constexpr std::size_t fault_rows = 2'000;

  /// A page of all homes is in the first rows of each.
  void read_faults_of_all(faults_query query, handler<faults_page> done) const {
    const auto skip = std::exchange(query.skip, 0);
    const auto rows_max = skip + fault_rows;
    router_.ask_all<faults_page>(
      std::move(done),
      [query, rows_max](store& of, handler<faults_page> answered) {
        std::make_shared<fault_walk>(of, query, rows_max, std::move(answered))->next();
      },
      [counts = router_.counts()](faults_page& into, faults_page&& more,
                                  const home_stores::home& from) {
        for (auto& row : more.rows)
          if (counts(row.farm, from))
            into.rows.push_back(std::move(row));
        if (more.next)
          into.next = more.next;
      },
      [skip](faults_page& all) {
        auto& rows = all.rows;
        std::stable_sort(rows.begin(), rows.end(),
                         [](const auto& a, const auto& b) { return a.last_us > b.last_us; });
        const auto from = std::min<std::uint64_t>(skip, rows.size());
        const bool more = all.next || rows.size() - from > fault_rows;
        rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(from));
        rows.resize(std::min(rows.size(), fault_rows));
        all.next = more ? std::optional{skip + rows.size()} : std::nullopt;
      });
  }

  const home_router& router_;
};

class series_by_home : public series_store {
public:
  explicit series_by_home(const home_router& router) : router_{router} {}

  void read_telemetry_series(telemetry_wish wish, handler<telemetry_series> done) override {
    router_.ask_about<telemetry_series>(
      wish.farm, wish.equipment, std::move(done), [wish](store& of, auto answered) {
        series_of(of)->read_telemetry_series(wish, std::move(answered));
      });
  }
  void read_signal_series(signal_wish wish, handler<signal_series> done) override {
    router_.ask_about<signal_series>(wish.farm, wish.equipment, std::move(done),
                                     [wish](store& of, auto answered) {
                                       series_of(of)->read_signal_series(wish, std::move(answered));
                                     });
  }
  void read_token_sums(token_sums_wish wish, handler<token_sums> done) override {
    router_.ask_about<token_sums>(wish.farm, wish.equipment, std::move(done),
                                  [wish](store& of, auto answered) {
                                    series_of(of)->read_token_sums(wish, std::move(answered));
                                  });
  }

private:
  const home_router& router_;
};

} // namespace

std::unique_ptr<frame_store> routed_frames(const home_router& router) {
  return std::make_unique<frames_by_home>(router);
}
std::unique_ptr<record_store> routed_records(const home_router& router) {
  return std::make_unique<records_by_home>(router);
}
std::unique_ptr<history_store> routed_history(const home_router& router) {
  return std::make_unique<history_by_home>(router);
}
std::unique_ptr<series_store> routed_series(const home_router& router) {
  return std::make_unique<series_by_home>(router);
}

} // namespace furrow::storage
