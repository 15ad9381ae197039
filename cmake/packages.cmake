# Debian packages, by cpack: the server as a service, the command line, and what a C++ program that
# uses the client needs to be built. `scripts/package` builds them.
#
# A package names the library versions of the Debian that it was built on: one build for each.

set(RSTMDB_DEPLOY "${PROJECT_SOURCE_DIR}/deploy")
set(RSTMDB_PACKAGED "${PROJECT_BINARY_DIR}/packaged")

# rstmdb_compressed(FILE NAME): FILE as NAME.gz below RSTMDB_PACKAGED, the same bytes each time.
function(rstmdb_compressed file name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  execute_process(COMMAND gzip -9n -c "${file}" OUTPUT_FILE "${RSTMDB_PACKAGED}/${name}.gz"
                  COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(MAKE_DIRECTORY "${RSTMDB_PACKAGED}")
rstmdb_compressed("${RSTMDB_DEPLOY}/man/rstmdb.8" rstmdb.8)
rstmdb_compressed("${RSTMDB_DEPLOY}/man/rstmdb-cli.1" rstmdb-cli.1)
rstmdb_compressed("${RSTMDB_DEPLOY}/debian/changelog" changelog)
rstmdb_compressed("${PROJECT_SOURCE_DIR}/CHANGELOG.md" CHANGELOG.md)

# The example is what is installed, but for the place of the data.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
             "${RSTMDB_DEPLOY}/rstmdb.example.yaml")
file(READ "${RSTMDB_DEPLOY}/rstmdb.example.yaml" settings)
string(REPLACE "data_dir: ./data" "data_dir: /var/lib/rstmdb/data" packaged_settings "${settings}")
if(settings STREQUAL packaged_settings)
  message(FATAL_ERROR "deploy/rstmdb.example.yaml no longer says 'data_dir: ./data'")
endif()
file(WRITE "${RSTMDB_PACKAGED}/rstmdb.yaml" "${packaged_settings}")

# rstmdb_documents(COMPONENT PACKAGE): what every package says of itself.
function(rstmdb_documents component package)
  set(folder "${CMAKE_INSTALL_DATADIR}/doc/${package}")
  install(FILES "${RSTMDB_DEPLOY}/debian/copyright" "${RSTMDB_PACKAGED}/changelog.gz"
          DESTINATION "${folder}" COMPONENT ${component})
endfunction()
rstmdb_documents(server rstmdb)
rstmdb_documents(cli rstmdb-cli)
rstmdb_documents(client-dev librstmdb-client-dev)

set(doc "${CMAKE_INSTALL_DATADIR}/doc/rstmdb")
install(FILES "${RSTMDB_PACKAGED}/rstmdb.yaml" DESTINATION /etc/rstmdb COMPONENT server)
install(FILES "${RSTMDB_DEPLOY}/rstmdb.service" DESTINATION /lib/systemd/system COMPONENT server)
install(FILES "${RSTMDB_PACKAGED}/rstmdb.8.gz" DESTINATION "${CMAKE_INSTALL_DATADIR}/man/man8"
        COMPONENT server)
install(FILES "${RSTMDB_PACKAGED}/CHANGELOG.md.gz" DESTINATION "${doc}" COMPONENT server)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION "${doc}" COMPONENT server
        FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "decisions" EXCLUDE)
install(DIRECTORY "${RSTMDB_DEPLOY}/grafana" "${RSTMDB_DEPLOY}/prometheus"
        DESTINATION "${doc}/examples" COMPONENT server)
install(FILES "${RSTMDB_DEPLOY}/completion/rstmdb-cli"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT cli)
install(FILES "${RSTMDB_PACKAGED}/rstmdb-cli.1.gz" DESTINATION "${CMAKE_INSTALL_DATADIR}/man/man1"
        COMPONENT cli)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rstmdb)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "The rstmdb authors <authors@rstmdb.invalid>")
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_OUTPUT_FILE_PREFIX "${PROJECT_BINARY_DIR}/packages")
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)  # for the paths above that are absolute
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL server cli client-dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME rstmdb)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION database)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.52)")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "rstmdb-cli")
set(CPACK_COMPONENT_SERVER_DESCRIPTION "state machine database: server
 Keeps state machines and their instances, and decides which events they take.")
set(debian "${RSTMDB_DEPLOY}/debian")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    "${debian}/postinst;${debian}/prerm;${debian}/postrm;${debian}/conffiles")

set(CPACK_DEBIAN_CLI_PACKAGE_NAME rstmdb-cli)
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION database)
set(CPACK_COMPONENT_CLI_DESCRIPTION "state machine database: command line
 Asks an rstmdb server, one command at a time or from a prompt.")

set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_NAME librstmdb-client-dev)
set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_DEPENDS "libssl-dev, libisal-dev")
set(CPACK_COMPONENT_CLIENT-DEV_DESCRIPTION "state machine database: C++ client for development
 Headers, a static library, and files for CMake and pkg-config.")
include(CPack)
