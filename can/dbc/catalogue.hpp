/// The catalogue that Furrow ships: the messages of tractors and implements, as a DBC file.
///
/// Shape: the text of deploy/catalogue/furrow-agricultural.dbc, built in; `parse_dbc` reads it.
/// Source: the comment of each message and signal names its source.
#pragma once

#include <string_view>

namespace furrow::can {

[[nodiscard]] std::string_view catalogue_dbc();

} // namespace furrow::can
