#include "storage/postgres/homes/farm_mover.hpp"

#include "storage/database_maintenance.hpp"
#include "storage/postgres/homes/move_steps.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace furrow::storage {

namespace {

/// A step that waits for a sealer or a lane waits no longer.
constexpr std::chrono::seconds lock_patience{10};

result<pq_session> open_session(store_options options, const std::string& name) {
  options.lock_timeout = lock_patience;
  auto db = pq_session::open(options, "move");
  if (!db)
    return failure{db.code(), name + ": " + db.error().detail};
  return db;
}

result<done> check_schema(const store_options& options, const std::string& name) {
  const auto steps = postgres_maintenance::migrate(options, {}, true);
  if (!steps)
    return failure{steps.code(), name + ": " + steps.error().detail};
  for (const auto& step : *steps)
    if (!step.fault.empty() || !step.applied)
      return failure{errc::misconfigured,
                     name + ": migration " + std::to_string(step.number) + " "
                       + (step.fault.empty()
                            ? "is not applied: `furrow db migrate --database URL` applies it"
                            : step.fault)};
  return done{};
}

result<farm_move> read_move(const pq::answer& rows, int row) {
  farm_move out;
  out.farm = cell(rows, row, 0);
  out.source = cell(rows, row, 1);
  out.target = cell(rows, row, 2);
  out.version = std::stoll(cell(rows, row, 3));
  const auto step = move_step_of(cell(rows, row, 4));
  if (!step)
    return failure{errc::misconfigured, "farm " + out.farm
                                          + ": this program does not know the step "
                                          + cell(rows, row, 4) + ": use a newer one"};
  out.step = *step;
  out.by = cell(rows, row, 5);
  out.since = cell(rows, row, 6);
  out.progress = cell(rows, row, 7);
  return out;
}

constexpr const char* move_columns =
  "m.farm, m.source, m.target, m.version, m.step, m.by, date_trunc('second', m.since), m.progress";

/// How to reach a database of the directory, and that its ids are its own.
result<store_options>
home_of(pq_session& main, const store_options& options, const std::string& name) {
  auto out = options;
  if (name == "main")
    return out;
  const auto row =
    main.ask("select d.url, d.number from furrow.database d where d.name = $1", {name});
  if (!row)
    return failed(main, row.error());
  if (PQntuples(row->get()) == 0)
    return failure{errc::not_found, "no database " + name + ": `furrow db list` shows them"};
  out.url = cell(*row, 0, 0);
  const auto number = cell(*row, 0, 1);
  if (number.empty())
    return failure{errc::misconfigured,
                   name
                     + " has no number in the directory, so its ids are not its own: farms do "
                       "not move from or to it"};
  auto db = open_session(out, name);
  if (!db)
    return db.error();
  const auto own = db->value("select n.number from furrow.numbering n");
  if (!own)
    return failure{own.code(), name + ": " + own.error().detail};
  if (*own != number)
    return failure{errc::misconfigured, name + " has number " + number + " in the directory and "
                                          + (own->empty() ? "none" : *own) + " in itself"};
  return out;
}

/// The lock lasts as long as the session.
result<bool> lock_farm(pq_session& main, const std::string& farm) {
  const auto locked =
    main.value("select pg_try_advisory_lock(112659, hashtext('move ' || $1))", {farm});
  if (!locked)
    return locked.error();
  return *locked == "t";
}

result<bool> go_on(pq_session main,
                   const store_options& options,
                   farm_move move,
                   const move_pace& pace,
                   const move_watcher& watcher) {
  const auto from = home_of(main, options, move.source);
  if (!from)
    return from.error();
  const auto to = home_of(main, options, move.target);
  if (!to)
    return to.error();
  auto source = open_session(*from, move.source);
  if (!source)
    return source.error();
  auto target = open_session(*to, move.target);
  if (!target)
    return target.error();
  move_steps places{std::move(main), std::move(*source), std::move(*target), pace};
  return run_farm_move(move, places, watcher);
}

} // namespace

result<bool> move_farm(const farm_move_wish& wish, const move_watcher& watcher) {
  auto main = open_session(wish.main, "main");
  if (!main)
    return main.error();
  auto sound = check_schema(wish.main, "main");
  if (!sound)
    return sound.error();
  // Everything that can be wrong is found before the farm stands still for it.
  const auto target = home_of(*main, wish.main, wish.target);
  if (!target)
    return target.error();
  sound = check_schema(*target, wish.target);
  if (!sound)
    return sound.error();
  const auto locked = lock_farm(*main, wish.farm);
  if (!locked)
    return locked.error();
  if (!*locked)
    return failure{errc::retry_later, "another process is moving farm " + wish.farm
                                        + ": `furrow farm status` shows its step"};
  const auto row =
    main->ask(std::string{"select "} + move_columns + " from furrow.begin_farm_move($1, $2, $3) m",
              {wish.farm, wish.target, wish.by});
  if (!row)
    return failure{main->state() == "P0002" ? errc::not_found : failed(*main, row.error()).code,
                   row.error().detail};
  auto move = read_move(*row, 0);
  if (!move)
    return move.error();
  if (move->step == move_step::expect) {
    const auto from = home_of(*main, wish.main, move->source);
    sound = from ? check_schema(*from, move->source) : result<done>{from.error()};
    if (!sound) {
      // Nothing is done yet: the farm stays where it is.
      const auto taken_back = main->ask(
        "delete from furrow.farm_move m where m.farm = $1 and m.step = 'expect'", {wish.farm});
      return taken_back ? sound.error() : taken_back.error();
    }
  }
  return go_on(std::move(*main), wish.main, std::move(*move), {wish.slice_rows, wish.release_after},
               watcher);
}

result<std::vector<farm_move>> list_farm_moves(const store_options& main) {
  auto db = open_session(main, "main");
  if (!db)
    return db.error();
  const auto rows =
    db->ask(std::string{"select "} + move_columns + " from furrow.farm_move m order by m.farm");
  if (!rows)
    return rows.error();
  std::vector<farm_move> out;
  for (int row = 0; row < PQntuples(rows->get()); ++row) {
    auto one = read_move(*rows, row);
    if (!one)
      return one.error();
    out.push_back(std::move(*one));
  }
  return out;
}

result<std::size_t> resume_farm_moves(const store_options& main,
                                      const std::function<bool()>& goes_on) {
  const auto moves = list_farm_moves(main);
  if (!moves)
    return moves.error();
  std::size_t ended = 0;
  std::optional<failure> first;
  for (const auto& move : *moves) {
    auto db = open_session(main, "main");
    if (!db)
      return db.error();
    const auto locked = lock_farm(*db, move.farm);
    if (!locked)
      return locked.error();
    if (!*locked)
      continue;
    // It may have gone on, or ended, before the lock was had.
    const auto row = db->ask(std::string{"select "} + move_columns
                               + " from furrow.farm_move m where m.farm = $1 and m.version = "
                                 "$2::bigint",
                             {move.farm, std::to_string(move.version)});
    if (!row)
      return row.error();
    if (PQntuples(row->get()) == 0)
      continue;
    auto now = read_move(*row, 0);
    if (!now)
      return now.error();
    const farm_move_wish usual;
    const auto moved =
      go_on(std::move(*db), main, std::move(*now), {usual.slice_rows, usual.release_after},
            [&](const farm_move&) { return !goes_on || goes_on(); });
    if (!moved && !first)
      first = failure{moved.code(), "farm " + move.farm + ": " + moved.error().detail};
    ended += moved && *moved ? 1 : 0;
  }
  if (first)
    return *first;
  return ended;
}

farm_move_watch::farm_move_watch(store_options main) : main_{std::move(main)} {}
farm_move_watch::~farm_move_watch() = default;

bool farm_move_watch::finds_moves() {
  constexpr std::chrono::minutes alone{1};
  constexpr std::chrono::seconds away{5};
  const auto now = std::chrono::steady_clock::now();
  if (now < next_)
    return false;
  if (!db_) {
    auto opened = open_session(main_, "main");
    if (!opened) {
      next_ = now + away;
      return false;
    }
    db_ = std::make_unique<pq_session>(std::move(*opened));
  }
  const auto state =
    db_->value("select case when exists (select from furrow.farm_move) then 'moves' "
               "when (select count(*) from furrow.database) < 2 then 'alone' end");
  if (!state || *state == "alone") {
    db_.reset();
    next_ = now + (state ? std::chrono::seconds{alone} : away);
  }
  return state && *state == "moves";
}

result<std::size_t> farm_move_watch::resume(const std::function<bool()>& goes_on) {
  if (!finds_moves())
    return std::size_t{0};
  return resume_farm_moves(main_, goes_on);
}

} // namespace furrow::storage
