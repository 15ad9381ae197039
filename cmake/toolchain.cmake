# Language, warnings, hardening and sanitizers: the same for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(RSTMDB_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")  # compiled sooner, and reports name the right lines
else()
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
endif()

add_compile_options(-Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()
find_program(MOLD mold)
if(MOLD AND NOT RSTMDB_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()

if(RSTMDB_SANITIZE)
  string(REPLACE "," ";" kinds "${RSTMDB_SANITIZE}")
  foreach(kind IN LISTS kinds)
    add_compile_options(-fsanitize=${kind})
    add_link_options(-fsanitize=${kind})
  endforeach()
  add_compile_options(-fno-sanitize-recover=all)
  if(RSTMDB_SANITIZE MATCHES "thread")
    # Asio uses atomic_thread_fence, which g++'s thread sanitizer does not model and warns of.
    add_compile_options(-Wno-tsan)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND RSTMDB_SANITIZE MATCHES "address")
    # g++ 12 reports uninitialised reads inside std::expected and boost under -fsanitize that are none.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Hardening of what is shipped; tests/hardening reads it back from the programs.
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
    add_compile_options(-mbranch-protection=standard)
  endif()
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(RSTMDB_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
