#include "storage/homes/directory.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::string_view lives_in = " lives in the database ";
constexpr std::string_view arrives = " is arriving in this database";

} // namespace

failure lives_elsewhere(const std::string& farm, const std::string& home) {
  return {errc::retry_later,
          "the farm " + farm
            + (home.empty() ? std::string{arrives} : std::string{lives_in} + home)};
}

bool says_elsewhere(const failure& why) {
  return why.code == errc::retry_later && why.detail.starts_with("the farm ")
         && (why.detail.find(lives_in) != std::string::npos || why.detail.ends_with(arrives));
}

void directory_store::find_home(std::string farm, handler<std::optional<farm_home>> done) {
  list_homes([farm = std::move(farm), done = std::move(done)](result<std::vector<farm_home>> all) {
    if (!all)
      return done(all.error());
    for (auto& one : *all)
      if (one.farm == farm)
        return done(std::optional{std::move(one)});
    done(std::optional<farm_home>{});
  });
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep what they are given
void directory_store::read_version(handler<std::int64_t> done) {
  done(std::int64_t{0});
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void directory_store::list_farms(handler<std::vector<farm_state>> done) {
  done(std::vector<farm_state>{});
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void directory_store::free_number(handler<std::uint32_t> done) {
  done(failure{errc::misconfigured, "this database gives no numbers"});
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void directory_store::read_numbering(handler<database_numbering> done) {
  done(failure{errc::misconfigured, "this database has no numbers"});
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void directory_store::number_ids(std::uint32_t /*number*/, handler<std::uint32_t> done) {
  done(failure{errc::misconfigured, "this database has no numbers"});
}

bool is_database_name(std::string_view name) {
  constexpr std::size_t longest = 32;
  const auto allowed = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-'
           || letter == '_';
  };
  return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), allowed);
}

} // namespace furrow::storage
