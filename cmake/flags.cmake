# How everything is compiled. A flag that this compiler does not know is left out, so that gcc 12,
# clang 14 and their successors all build the same sources.
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # the cleanup attribute, typeof
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g") # asserts stay: a broken invariant must not go on

function(eiso_probe_flags)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "HAVE_FLAG${flag}" known)
    check_c_compiler_flag("-Werror ${flag}" ${known})
    if(${known})
      add_compile_options(${flag})
    endif()
  endforeach()
endfunction()

add_compile_options(-Wall -Wextra -Werror)
eiso_probe_flags(
  -Wformat=2 -Wconversion -Wno-sign-conversion -Wshadow -Wvla -Wundef -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wimplicit-fallthrough -Wcast-qual -Wwrite-strings
  -Wpointer-arith -Wnull-dereference -Wduplicated-cond -Wlogical-op -Wtrampolines -Wbidi-chars=any
  -Wno-missing-field-initializers -Wno-string-conversion
  -fstack-clash-protection -fstack-protector-strong -fcf-protection=full
  -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
  -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3 -fzero-init-padding-bits=all)
add_link_options(-Wl,-z,noexecstack,-z,relro,-z,now -Wl,--as-needed)
if(NOT EISO_SANITIZE)
  add_link_options(-pie)
endif()

if(EISO_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(EISO_FUZZ) # coverage of everything a fuzzer reaches, not of its own file only
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(EISO_FAULTS)
  add_compile_definitions(EISO_FAULTS=1)
endif()
add_compile_definitions(_GNU_SOURCE EISO_VERSION="${PROJECT_VERSION}")
