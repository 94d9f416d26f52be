# What Furrow takes from Debian 12. Packages: tools/setup.
find_package(Threads REQUIRED)
find_package(doctest REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_library(TOMLPLUSPLUS_LIBRARY tomlplusplus REQUIRED)
add_library(tomlplusplus INTERFACE)
target_link_libraries(tomlplusplus INTERFACE ${TOMLPLUSPLUS_LIBRARY})
target_compile_definitions(tomlplusplus INTERFACE TOML_HEADER_ONLY=0)
if(FURROW_FUZZ)
  return()
endif()

find_package(Boost 1.81 REQUIRED)        # Debian's 1.74 cannot stand beside it, so say so early
find_package(OpenSSL 3 REQUIRED)
find_package(CURL REQUIRED)              # the command line asks nodes by it
find_package(PostgreSQL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(benchmark REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED) # Debian's libzstd-dev ships no CMake package
find_library(ARGON2_LIBRARY argon2 REQUIRED) # its .pc file says no more
find_library(GEOGRAPHICLIB_LIBRARY GeographicLib REQUIRED) # its module is not on CMake's path
find_library(NCURSES_LIBRARY ncursesw REQUIRED) # CMake's module takes the one without wide characters, too

# Debian's libcaf-dev ships neither a CMake package nor a .pc file.
find_path(CAF_INCLUDE_DIR caf/all.hpp REQUIRED)
find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
add_library(caf INTERFACE)
# No include directory: -isystem /usr/include would reorder the search path and break <cstdlib>.
target_link_libraries(caf INTERFACE ${CAF_CORE_LIBRARY} Threads::Threads)
target_compile_definitions(caf INTERFACE CAF_ENABLE_TYPE_ID_CHECKS)

# The node's allocator: buffers are made on one thread and freed on another all the time, which costs glibc's malloc a
# third of the node's CPU. Sanitizers bring their own.
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
add_library(furrow_allocator INTERFACE)
if(NOT FURROW_SANITIZE)
  target_link_libraries(furrow_allocator INTERFACE ${JEMALLOC_LIBRARY})
endif()

# Writes commands for Redis; what it reads is read by us.
find_path(HIREDIS_INCLUDE_DIR hiredis/hiredis.h REQUIRED)
find_library(HIREDIS_LIBRARY hiredis REQUIRED)
add_library(hiredis INTERFACE)
target_link_libraries(hiredis INTERFACE ${HIREDIS_LIBRARY})

# Asio and Beast: declared in headers, compiled once (asio_beast.cpp).
add_library(furrow_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/asio_beast.cpp)
target_compile_definitions(furrow_asio PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(furrow_asio PUBLIC OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
