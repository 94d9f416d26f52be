/// The catalogue that Furrow ships: the messages of tractors and their implements, as a DBC file.
///
/// Shape: the text of deploy/catalogue/furrow-agricultural.dbc, built in; `parse_dbc` reads it.
/// Source: each message and signal names its own in its comment.
#pragma once

#include <string_view>

namespace furrow::can {

[[nodiscard]] std::string_view catalogue_dbc();

} // namespace furrow::can
