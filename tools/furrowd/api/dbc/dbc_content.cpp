#include "tools/furrowd/api/dbc/dbc_content.hpp"

#include "tools/json/dbc_json.hpp"

#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

class content_source : public body_source {
public:
  content_source(work_desk& desk, const json& row, read_dbc file, place taken)
    : desk_{desk}, made_{std::make_shared<made>(std::move(file))}, taken_{std::move(taken)} {
    text_ = row.dump(-1, ' ', false, json::error_handler_t::replace);
    text_.back() = ',';
    text_ += "\"content\":";
  }
  boost::asio::awaitable<body_piece> next() override {
    if (std::exchange(begun_, true)) {
      if (made_->ended)
        co_return body_piece{};
      const std::function<std::string()> work = [made = made_] { return made->next(); };
      auto piece = co_await work_at(desk_, work, work_limit);
      if (!piece)
        co_return body_piece{{}, true};
      text_ = std::move(*piece);
    }
    co_return body_piece{text_};
  }

private:
  /// Used at the desk, one call at a time.
  struct made {
    explicit made(read_dbc given) : file{std::move(given)} {}
    std::string next() {
      const auto piece = content.next();
      ended = piece.empty();
      return ended ? "}\n" : std::string{piece};
    }
    read_dbc file;
    json_rows::dbc_content content{*file};
    bool ended = false; // the last piece was given
  };

  work_desk& desk_;
  std::shared_ptr<made> made_;
  place taken_;
  std::string text_;
  bool begun_ = false;
};

class bytes_source : public body_source {
public:
  bytes_source(std::string bytes, place taken)
    : bytes_{std::move(bytes)}, rest_{bytes_}, taken_{std::move(taken)} {}
  boost::asio::awaitable<body_piece> next() override {
    constexpr std::size_t piece_bytes = 64U << 10U;
    const auto piece = rest_.substr(0, piece_bytes);
    rest_.remove_prefix(piece.size());
    co_return body_piece{piece};
  }

private:
  const std::string bytes_;
  std::string_view rest_;
  place taken_;
};

} // namespace

problem bad_dbc(std::string line) {
  return {400, "bad_dbc", std::move(line), "`furrow dbc check FILE --strict` lists every problem"};
}

problem desk_is_busy() {
  return {503, "busy", "too many DBC files are being read", "try again"};
}

problem too_many_dbc() {
  return {429, "too_many_dbc", "too many DBC files are open already", "try again"};
}

boost::asio::awaitable<std::variant<read_dbc, problem>>
read_at_desk(work_desk& desk, std::shared_ptr<const storage::stored_dbc> file) {
  using parsed = storage::result<read_dbc>;
  const std::function<parsed()> work = [file]() -> parsed {
    auto read = storage::parse_stored(*file);
    if (!read)
      return read.error();
    return std::make_shared<const can::dbc_file>(std::move(*read));
  };
  auto said = co_await work_at(desk, work, work_limit);
  if (!said)
    co_return desk_is_busy();
  if (!*said)
    co_return bad_dbc(said->error().detail);
  co_return std::move(**said);
}

json row_json(const storage::stored_dbc& file) {
  const auto name_or_null = [](const std::string& name) {
    return name.empty() ? json(nullptr) : json(name);
  };
  auto row = json_rows::to_json(file);
  row["farm"] = name_or_null(file.farm);
  row["equipment"] = name_or_null(file.equipment);
  row["encoding"] = json_rows::encoding_text(file.encoding);
  return row;
}

std::unique_ptr<body_source>
content_body(work_desk& desk, const json& row, read_dbc file, place taken) {
  return std::make_unique<content_source>(desk, row, std::move(file), std::move(taken));
}

std::unique_ptr<body_source> bytes_body(std::string bytes, place taken) {
  return std::make_unique<bytes_source>(std::move(bytes), std::move(taken));
}

} // namespace furrow::http
