# Every target of the project gets the same flags and the same precompiled header, so that one header serves all.
add_library(lurus_flags INTERFACE)
target_include_directories(lurus_flags INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_definitions(lurus_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY
  BOOST_ERROR_CODE_HEADER_ONLY SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL TOML_HEADER_ONLY=0 TOML_SHARED_LIB=0)
# Coroutine frames come from the allocator, which has sizes of its own for them. Asio's two recycled blocks a thread give
# a stream that lives for minutes the block of a larger frame that lived for microseconds.
target_compile_definitions(lurus_flags INTERFACE BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=0
  BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)
target_compile_options(lurus_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers
  -fno-omit-frame-pointer $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess -Wno-interference-size -Wno-mismatched-new-delete> $<$<CXX_COMPILER_ID:Clang>:-Wno-unqualified-std-cast-call>)
if(LURUS_SANITIZE)
  target_compile_options(lurus_flags INTERFACE -fsanitize=${LURUS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(lurus_flags INTERFACE -fsanitize=${LURUS_SANITIZE})
  if(LURUS_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(lurus_flags INTERFACE -Wno-tsan)  # Asio's fences, each of them beside a lock
  endif()
endif()

# Windows 10 and Server 2016 and newer; objects may have more sections than the format first had numbers for.
if(WIN32)
  target_compile_definitions(lurus_flags INTERFACE _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN NOMINMAX CURL_STATICLIB)
  target_compile_options(lurus_flags INTERFACE -Wa,-mbig-obj)
  target_link_options(lurus_flags INTERFACE -static -Wl,--gc-sections)
endif()

# The fuzzers look at which branches a library takes; the other executables of such a build do not mind.
if(LURUS_FUZZ)
  target_compile_options(lurus_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# lurus_units(OUT TARGET SOURCE...): what the target compiles instead of these sources. Those of one folder are compiled together,
# at most sixteen at a time, which costs a third of compiling them one by one; a source that wants flags of its own
# (SKIP_UNITY_BUILD_INCLUSION) stays alone. A unit is named after its folder, so that its counts (LurusProfile) find it again.
# It includes its sources as seen from the source folder: CMake's own units have absolute paths in them, which neither the
# compiler's cache nor its profile recognises in another clone.
function(lurus_units out name)
  if(NOT LURUS_UNITY)
    set(${out} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  set(compiled "")
  set(folders "")
  foreach(source ${ARGN})
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    if(alone)
      list(APPEND compiled ${source})
      continue()
    endif()
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    cmake_path(GET source PARENT_PATH folder)
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    if(source MATCHES "_windows(_test)?\\.cpp$")
      string(APPEND folder _windows)  # windows.h has macros for words that other sources use
    endif()
    list(APPEND folders ${folder})
    list(APPEND of_${folder} ${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder ${folders})
    list(LENGTH of_${folder} count)
    math(EXPR units "(${count} + 15) / 16")
    math(EXPR size "(${count} + ${units} - 1) / ${units}")
    math(EXPR last "${units} - 1")
    foreach(unit RANGE ${last})
      math(EXPR first "${unit} * ${size}")
      list(SUBLIST of_${folder} ${first} ${size} sources)
      list(TRANSFORM sources REPLACE "(.+)" "#include \"\\1\"\n")
      list(JOIN sources "" content)
      set(file ${CMAKE_CURRENT_BINARY_DIR}/units/${name}/${folder}_${unit}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "${content}" @ONLY)
      list(APPEND compiled ${file})
    endforeach()
  endforeach()
  # To GCC a source of a unit is a header, whose unnamed namespace would be another one in each file that includes it.
  set_source_files_properties(${compiled} PROPERTIES COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  set(${out} ${compiled} PARENT_SCOPE)
endfunction()

# A source that only some system has says so at the end of its name.
if(WIN32)
  set(lurus_other_systems "_(posix|epoll)(_test)?\\.cpp$")
else()
  set(lurus_other_systems "_windows(_test)?\\.cpp$")
endif()

# lurus_library(NAME FOLDERS folder... LINK library...): every source of these folders and of those in them.
# Headers of libraries are system headers, so that our warnings stay ours.
function(lurus_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FOLDERS;LINK")
  set(sources "")
  foreach(folder ${arg_FOLDERS})
    cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  list(FILTER sources EXCLUDE REGEX ${lurus_other_systems})
  lurus_units(units ${name} ${sources})
  add_library(${name} STATIC ${units})
  target_link_libraries(${name} PUBLIC lurus_flags ${arg_LINK})
  lurus_use_profile(${name})
  target_precompile_headers(${name} REUSE_FROM lurus_pch)
endfunction()

# One executable for each folder of tests; ctest runs it whole. Its label is the folder's name under tests/ (unit, golden,
# chaos ...); LABELS adds more (concurrency: the thread sanitizer runs it too). The target tests_<label> builds all of one.
# FOLDERS: further folders of its sources, since linking another executable costs more than compiling them into this one.
function(lurus_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LABELS;FOLDERS")
  set(sources "")
  foreach(folder . ${arg_FOLDERS})
    cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    file(GLOB found CONFIGURE_DEPENDS ${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX ${lurus_other_systems})
  if(NOT sources)
    return()
  endif()
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" folder "${folder}")
  lurus_units(units ${name} ${sources})
  add_executable(${name} ${units} ${CMAKE_SOURCE_DIR}/tests/doctest_main.cpp)
  target_link_libraries(${name} PRIVATE lurus_flags ${arg_UNPARSED_ARGUMENTS})
  target_compile_definitions(${name} PRIVATE LURUS_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_precompile_headers(${name} REUSE_FROM lurus_pch)
  # What takes minutes under the thread sanitizer, and has one thread, or under Wine, is of the suite `long`.
  if(LURUS_SANITIZE STREQUAL "thread" OR CMAKE_CROSSCOMPILING)
    add_test(NAME ${name} COMMAND ${name} --test-suite-exclude=long)
  else()
    add_test(NAME ${name} COMMAND ${name})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  # What holds on Windows as well. Tests of the commands and the configuration are about POSIX shells, modes and paths.
  if(WIN32 AND NOT name STREQUAL "unit_app")
    list(APPEND arg_LABELS windows)
  endif()
  foreach(label ${folder} ${arg_LABELS})
    lurus_label(${label} ${name} ${name})
  endforeach()
endfunction()

# lurus_label(LABEL TARGET TEST...): those tests of this folder have that label, and need that target to be built.
function(lurus_label label target)
  if(NOT TARGET tests_${label})
    add_custom_target(tests_${label})
  endif()
  add_dependencies(tests_${label} ${target})
  foreach(test ${ARGN})
    set_property(TEST ${test} APPEND PROPERTY LABELS ${label})
  endforeach()
endfunction()

# Leaves the executable stripped, and its symbols beside it in NAME.debug. To be called where the target is made.
function(lurus_strip name)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${name}> $<TARGET_FILE:${name}>.debug
    COMMAND ${CMAKE_STRIP} --strip-all $<TARGET_FILE:${name}>
    COMMAND ${CMAKE_OBJCOPY} --remove-section=.gnu_debuglink --add-gnu-debuglink=$<TARGET_FILE:${name}>.debug $<TARGET_FILE:${name}>
    VERBATIM)
endfunction()
