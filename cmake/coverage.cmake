# Counts for scripts/coverage in the layers that decode what others have written. Without the edges of
# exceptions, which the files that it judges neither throw nor catch, the branches that are counted are
# those of the source.
if(NOT RSTMDB_COVERAGE)
  return()
endif()
foreach(layer engine guard wire log snapshot node)
  target_compile_options(rstmdb_${layer} PRIVATE --coverage -O0)
  target_link_options(rstmdb_${layer} PUBLIC --coverage)
endforeach()
foreach(layer guard log snapshot)
  target_compile_options(rstmdb_${layer} PRIVATE -fno-exceptions)
endforeach()
foreach(source engine/record.cc wire/frame.cc node/recovery.cc node/record_batches.cc)
  get_filename_component(layer ${source} DIRECTORY)
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/${source}" TARGET_DIRECTORY rstmdb_${layer}
                              PROPERTIES COMPILE_OPTIONS -fno-exceptions)
endforeach()
