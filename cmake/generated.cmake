# What tools/generate makes from protocol/: link `rstmdb_generated` to include
# "api/operation_table.inc", "http/route_table.inc" and "http/openapi_document.inc".
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(RSTMDB_GENERATED_DIR "${PROJECT_BINARY_DIR}/generated")
set(RSTMDB_OPERATION_TABLE "${RSTMDB_GENERATED_DIR}/api/operation_table.inc")
set(RSTMDB_ROUTE_TABLE "${RSTMDB_GENERATED_DIR}/http/route_table.inc")
set(RSTMDB_OPENAPI_DOCUMENT "${RSTMDB_GENERATED_DIR}/http/openapi_document.inc")
file(GLOB RSTMDB_CONTRACT CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/protocol/*.json")
list(APPEND RSTMDB_CONTRACT
  "${PROJECT_SOURCE_DIR}/tools/generate"
  "${PROJECT_SOURCE_DIR}/tools/contract.py"
  "${PROJECT_SOURCE_DIR}/tools/routes.py"
  "${PROJECT_SOURCE_DIR}/tools/route_table.py"
  "${PROJECT_SOURCE_DIR}/tools/openapi.py"
  "${PROJECT_SOURCE_DIR}/tools/operation_table.py"
  "${PROJECT_SOURCE_DIR}/tools/contract_pages.py")

add_custom_command(
  OUTPUT "${RSTMDB_OPERATION_TABLE}"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/generate" --cpp "${RSTMDB_OPERATION_TABLE}"
  DEPENDS ${RSTMDB_CONTRACT}
  COMMENT "Making the operation table"
  VERBATIM)
add_custom_command(
  OUTPUT "${RSTMDB_ROUTE_TABLE}"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/generate" --routes "${RSTMDB_ROUTE_TABLE}"
  DEPENDS ${RSTMDB_CONTRACT}
  COMMENT "Making the route table"
  VERBATIM)
add_custom_command(
  OUTPUT "${RSTMDB_OPENAPI_DOCUMENT}"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/generate" --openapi "${RSTMDB_OPENAPI_DOCUMENT}"
  DEPENDS ${RSTMDB_CONTRACT} "${PROJECT_SOURCE_DIR}/CMakeLists.txt"
  COMMENT "Making the OpenAPI document"
  VERBATIM)
add_custom_target(rstmdb_operation_table DEPENDS "${RSTMDB_OPERATION_TABLE}" "${RSTMDB_ROUTE_TABLE}"
                  "${RSTMDB_OPENAPI_DOCUMENT}")

add_library(rstmdb_generated INTERFACE)
target_include_directories(rstmdb_generated INTERFACE "${RSTMDB_GENERATED_DIR}")
add_dependencies(rstmdb_generated rstmdb_operation_table)
