# Counts for scripts/coverage in the layers that read what others have written. Without the edges of
# exceptions, which the files named below neither throw nor catch, the branches that are counted are
# those of the source. Some of this code runs on two threads, so counts are added to atomically.
if(NOT RSTMDB_COVERAGE)
  return()
endif()
set(counted --coverage -O0 -fprofile-update=atomic)
foreach(layer json guard engine wire log snapshot node)
  target_compile_options(rstmdb_${layer} PRIVATE ${counted})
  target_link_options(rstmdb_${layer} PUBLIC --coverage)
endforeach()
foreach(layer guard log snapshot)
  target_compile_options(rstmdb_${layer} PRIVATE -fno-exceptions)
endforeach()
foreach(source
        json/scan.cc json/tape.cc json/repeats.cc
        engine/record.cc engine/definition.cc engine/rows.cc engine/state_loader.cc
        wire/frame.cc
        node/recovery.cc node/record_batches.cc node/restore.cc node/compaction.cc
        node/snapshot_run.cc node/snapshot_file.cc)
  get_filename_component(layer ${source} DIRECTORY)
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/${source}" TARGET_DIRECTORY rstmdb_${layer}
                              PROPERTIES COMPILE_OPTIONS -fno-exceptions)
endforeach()
# What is a template in a header of the log is made here and in layers above.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/log/log_reader_test.cc" TARGET_DIRECTORY log_test
                            PROPERTIES COMPILE_OPTIONS "${counted};-fno-exceptions")
