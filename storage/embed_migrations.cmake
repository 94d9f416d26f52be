# cmake -DOUT=x.cpp -DFUNCTION=name "-DFILES=a.sql;b.sql" -P embed_migrations.cmake: the files as a list of `migration`.
string(REPLACE "," ";" FILES "${FILES}")
set(rows "")
set(count 0)
set(last 0)
foreach(file IN LISTS FILES)
  get_filename_component(stem ${file} NAME_WE)
  if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
    message(FATAL_ERROR "${file}: a migration is named NNNN_what.sql")
  endif()
  set(name ${CMAKE_MATCH_2})
  math(EXPR number "${CMAKE_MATCH_1}")           # sheds leading zeros
  math(EXPR count "${count} + 1")
  if(number LESS_EQUAL last)
    message(FATAL_ERROR "${file}: migrations stand in the order of their numbers")
  endif()
  set(last ${number})
  file(READ ${file} text)
  string(APPEND rows "  {${number}, \"${name}\", R\"migration(${text})migration\"},\n")
endforeach()
file(WRITE ${OUT} "// Made by storage/embed_migrations.cmake.
#include \"storage/migrations/migrations.hpp\"

#include <array>

namespace furrow::storage {

namespace {
constexpr std::array<migration, ${count}> ${FUNCTION}_steps{{
${rows}}};
} // namespace

std::span<const migration> ${FUNCTION}() { return ${FUNCTION}_steps; }

} // namespace furrow::storage
")
