# The few shapes that a target of this project has.
find_package(PkgConfig REQUIRED)

# eiso_library(NAME SOURCES a.c ... [USES lib ...] [HIDES pkg-config-module ...] [SQL dir ...]
#              [TESTS x_test.c ...] [FUZZERS x_fuzz.c ...])
# USES: libraries of ours, visible to whoever uses this one. HIDES: third-party libraries whose headers
# nobody else sees. TESTS: each file is a cmocka program of its own. A test's name is NAME.x.
function(eiso_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;HIDES;TESTS;TEST_USES;FUZZERS" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_include_directories(${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/libs)
  target_link_libraries(${NAME} PUBLIC ${ARG_USES})
  eiso_hide(${NAME} ${ARG_HIDES})
  eiso_headers_alone(${NAME})
  eiso_tests(${NAME} TESTS ${ARG_TESTS} USES ${NAME} ${ARG_TEST_USES} HIDES ${ARG_HIDES})
  eiso_fuzzers(${NAME} USES ${NAME} FILES ${ARG_FUZZERS})
endfunction()

# eiso_service(NAME SOURCES ... [USES ...] [MIGRATIONS schema/0001_init.sql ...] [TESTS ...] [FUZZERS ...])
# makes build/.../bin/eiso-NAME; all but main.c is also the library NAME-parts, for the tests. The examples of its reference stand
# in examples.http, if there is one.
function(eiso_service NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;MIGRATIONS;TESTS;TEST_USES;FUZZERS" ${ARGN})
  add_library(${NAME}-parts STATIC ${ARG_SOURCES})
  target_include_directories(${NAME}-parts PUBLIC ${CMAKE_SOURCE_DIR}/libs ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${NAME}-parts PUBLIC service ${ARG_USES})
  eiso_embed(${NAME}-parts ${NAME}_schema ${ARG_MIGRATIONS})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/examples.http)
    eiso_embed(${NAME}-parts ${NAME}_examples examples.http)
  endif()
  add_executable(eiso-${NAME} main.c)
  target_link_libraries(eiso-${NAME} PRIVATE ${NAME}-parts)
  set_property(GLOBAL APPEND PROPERTY EISO_SERVICES $<TARGET_FILE:eiso-${NAME}>)
  eiso_tests(${NAME} TESTS ${ARG_TESTS} USES ${NAME}-parts ${ARG_TEST_USES})
  eiso_fuzzers(${NAME} USES ${NAME}-parts FILES ${ARG_FUZZERS})
endfunction()

# eiso_embed(TARGET SYMBOL file.sql ...): the files' bytes as `const struct embedded SYMBOL[]` and
# `const size_t SYMBOL_count` (base/embedded.h), in the order given.
function(eiso_embed TARGET SYMBOL)
  if(NOT ARGN)
    return()
  endif()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${SYMBOL}.c)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${SYMBOL} "-DFILES=${files}"
            -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
  target_sources(${TARGET} PRIVATE ${out})
endfunction()

function(eiso_hide TARGET)
  foreach(module ${ARGN})
    string(MAKE_C_IDENTIFIER "PKG_${module}" pkg)
    if(NOT TARGET PkgConfig::${pkg})
      pkg_check_modules(${pkg} REQUIRED IMPORTED_TARGET GLOBAL ${module})
    endif()
    target_link_libraries(${TARGET} PRIVATE PkgConfig::${pkg})
  endforeach()
endfunction()

# Every public header compiles alone, so that nobody depends on the order of includes.
function(eiso_headers_alone TARGET)
  file(GLOB headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS *.h)
  set(sources)
  foreach(header ${headers})
    if(header MATCHES "_internal\\.h$")
      continue()
    endif()
    set(source ${CMAKE_CURRENT_BINARY_DIR}/alone_${header}.c)
    if(NOT EXISTS ${source})
      file(WRITE ${source} "#include \"${TARGET}/${header}\"\ntypedef int alone;\n")
    endif()
    list(APPEND sources ${source})
  endforeach()
  if(sources)
    add_library(${TARGET}-headers OBJECT ${sources})
    target_link_libraries(${TARGET}-headers PRIVATE ${TARGET})
  endif()
endfunction()

# The target "programs": every executable below a folder that is no test.
function(eiso_programs FOLDER)
  get_property(targets DIRECTORY ${FOLDER} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE" AND NOT target MATCHES "-test$")
      add_dependencies(programs ${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY ${FOLDER} PROPERTY SUBDIRECTORIES)
  foreach(folder ${folders})
    eiso_programs(${folder})
  endforeach()
endfunction()

# NEEDS a cluster: a test file whose name ends in _pg_test.c or _kafka_test.c runs with the private
# PostgreSQL and Kafka that testkit starts once for a whole ctest run.
function(eiso_tests NAME)
  cmake_parse_arguments(ARG "" "" "TESTS;USES;HIDES" ${ARGN})
  foreach(file ${ARG_TESTS})
    string(REGEX REPLACE "_test\\.c$" "" short ${file})
    set(target ${NAME}-${short}-test)
    add_executable(${target} ${file})
    target_link_libraries(${target} PRIVATE ${ARG_USES} cmocka)
    eiso_hide(${target} ${ARG_HIDES})
    add_test(NAME ${NAME}.${short} COMMAND ${target})
    set_tests_properties(${NAME}.${short} PROPERTIES TIMEOUT 300)
    if(file MATCHES "_(pg|kafka)_test\\.c$")
      target_link_libraries(${target} PRIVATE testkit)
      set_tests_properties(${NAME}.${short} PROPERTIES FIXTURES_REQUIRED cluster)
    endif()
  endforeach()
endfunction()

# A fuzzer x_fuzz.c, built by the target "fuzzers" with -DEISO_FUZZ=ON, runs for some seconds, on its seeds in
# fuzz/x/ and with its dictionary fuzz/x.dict if there is one.
function(eiso_fuzzers NAME)
  if(NOT EISO_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "USES" "FILES" ${ARGN})
  foreach(file ${ARG_FILES})
    string(REGEX REPLACE "_fuzz\\.c$" "" short ${file})
    set(target ${NAME}-${short}-fuzz)
    add_executable(${target} ${file})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${target} PRIVATE ${ARG_USES})
    add_dependencies(fuzzers ${target})
    set(dictionary ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${short}.dict)
    set(arguments -max_total_time=3 -rss_limit_mb=512 -malloc_limit_mb=64)
    if(EXISTS ${dictionary})
      list(APPEND arguments -dict=${dictionary})
    endif()
    set(corpus ${CMAKE_CURRENT_BINARY_DIR}/corpus_${short})
    file(MAKE_DIRECTORY ${corpus})
    add_test(NAME fuzz.${NAME}.${short}
             COMMAND ${target} ${arguments} ${corpus} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${short})
  endforeach()
endfunction()
