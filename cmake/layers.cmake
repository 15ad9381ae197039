# Reads src/LAYERS and makes one library per folder, linked with exactly the folders that it may include.

file(STRINGS "${PROJECT_SOURCE_DIR}/src/LAYERS" lines REGEX "^[a-z]+:")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
             "${PROJECT_SOURCE_DIR}/src/LAYERS")
set(RSTMDB_LAYERS)
foreach(line IN LISTS lines)
  string(REGEX MATCH "^([a-z]+):(.*)$" _ "${line}")
  list(APPEND RSTMDB_LAYERS ${CMAKE_MATCH_1})
  string(STRIP "${CMAKE_MATCH_2}" below)
  string(REPLACE " " ";" RSTMDB_BELOW_${CMAKE_MATCH_1} "${below}")
endforeach()

# rstmdb_layer(NAME [PUBLIC lib...] [PRIVATE lib...]): library rstmdb_NAME from every source of the folder,
# and the program NAME_test from its *_test.cc files. PRIVATE libraries stay inside the folder's .cc files.
function(rstmdb_layer name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  set(dir "${PROJECT_SOURCE_DIR}/src/${name}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${dir}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    add_library(rstmdb_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(rstmdb_${name} STATIC ${sources})
    target_link_libraries(rstmdb_${name} PRIVATE ${ARG_PRIVATE})
    set(scope PUBLIC)
  endif()
  target_include_directories(rstmdb_${name} ${scope} "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(rstmdb_${name} ${scope} ${ARG_PUBLIC})
  foreach(below IN LISTS RSTMDB_BELOW_${name})
    target_link_libraries(rstmdb_${name} ${scope} rstmdb_${below})
  endforeach()
  if(tests AND NOT RSTMDB_FUZZ)
    rstmdb_test(${name}_test SOURCES ${tests} LIBRARIES rstmdb_${name} ${ARG_PRIVATE})
  endif()
endfunction()

# rstmdb_test(NAME SOURCES file... LIBRARIES lib...): a GoogleTest program known to ctest, with the
# repository's root in RSTMDB_SOURCE_DIR so that it finds protocol/ and the test data.
function(rstmdb_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_SOURCES)
    message(FATAL_ERROR "test ${name} has no sources")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main rapidcheck)
  target_compile_definitions(${name} PRIVATE RSTMDB_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             RSTMDB_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
