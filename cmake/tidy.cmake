# Who includes whom is checked before anything is compiled: rstmdb_base waits for the check, and
# everything waits for rstmdb_base. Include this after src has been added.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_custom_target(rstmdb_layers ALL
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/tidy" --layers
  COMMENT "Checking the layers"
  VERBATIM)
if(TARGET rstmdb_base)
  add_dependencies(rstmdb_base rstmdb_layers)
endif()

# The checks of the whole tree, by hand or by scripts/test.
add_custom_target(tidy
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/tidy" --headers
  USES_TERMINAL
  VERBATIM)
