set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# Debug information would cost a third of the time to build. Packages and profiles ask for it (-DCMAKE_BUILD_TYPE=RelWithDebInfo).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(FURROW_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize takes them")
option(FURROW_UNITY "compile about 25 sources as one, which takes a third of the time" ON)
option(FURROW_FUZZ "build the libFuzzer targets (clang) and nothing else" OFF)

if(FURROW_UNITY AND NOT FURROW_FUZZ)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 25)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD AND NOT FURROW_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()

# Every target of ours links this one. Where sources are joined, a name of one file shadows none of another, and an
# anonymous namespace is not one of a header; the `lint` preset, which joins nothing, warns of both.
add_library(furrow_warnings INTERFACE)
target_compile_options(furrow_warnings INTERFACE
  $<IF:$<BOOL:${CMAKE_UNITY_BUILD}>,-Wshadow=local;-Wno-subobject-linkage,-Wshadow>
  -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Werror
  # g++ 12 sees maybe-uninitialized members inside Asio's coroutine frames, and takes those that it has
  # inlined for memory of another allocator.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-mismatched-new-delete>)
# Code that runs once per command or HTTP request, and not per frame. `-O1` compiles in three quarters of the time of `-O2`.
add_library(furrow_not_per_frame INTERFACE)
target_compile_options(furrow_not_per_frame INTERFACE $<$<CONFIG:Release>:-O1>)
add_compile_options(-fstack-protector-strong)
# g++ frees memory many times while it compiles a source. Where a core has 4 GB, it need not: a tenth less time.
cmake_host_system_information(RESULT host_megabytes QUERY TOTAL_PHYSICAL_MEMORY)
cmake_host_system_information(RESULT host_cores QUERY NUMBER_OF_LOGICAL_CORES)
math(EXPR megabytes_a_core "${host_megabytes} / ${host_cores}")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND megabytes_a_core GREATER 4000)
  add_compile_options(--param=ggc-min-heapsize=3000000)
endif()
if(FURROW_SANITIZE)
  add_compile_options(-fsanitize=${FURROW_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FURROW_SANITIZE})
  if(FURROW_SANITIZE MATCHES undefined)
    # CAF 0.17 forms references from null pointers in its own headers.
    add_compile_options(-fno-sanitize=null -fno-sanitize-recover=undefined)
  endif()
elseif(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(FURROW_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)   # coverage, which the fuzzers steer by
endif()
