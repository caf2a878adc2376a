# Profile-guided optimisation. `./dev profile` records how often each branch runs, GCC lays the code out by it. The format is the
# compiler's own, so there is one archive for each version of GCC; another compiler builds without.
# A function whose branches have changed since then is compiled as if there were no profile.
set(LURUS_PROFILE "use" CACHE STRING "use, record or off: the recorded profile")
set_property(CACHE LURUS_PROFILE PROPERTY STRINGS use record off)
if(NOT LURUS_PROFILE MATCHES "^(use|record|off)$")
  message(FATAL_ERROR "LURUS_PROFILE is ${LURUS_PROFILE}; it has to be use, record or off")
endif()
if(LURUS_PROFILE STREQUAL "record")
  target_compile_options(lurus_flags INTERFACE -fprofile-generate)
  target_link_options(lurus_flags INTERFACE -fprofile-generate)
endif()

string(REGEX MATCH "^[0-9]+\\.[0-9]+" lurus_gcc_version "${CMAKE_CXX_COMPILER_VERSION}")
set(lurus_profile_archive ${CMAKE_SOURCE_DIR}/cmake/profile/gcc-${lurus_gcc_version}.tar.zst)
set(lurus_profile_unpacked ${CMAKE_BINARY_DIR}/profile.sha256)
set(lurus_profile_hash "")
if(LURUS_PROFILE STREQUAL "use" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release"
   AND NOT LURUS_SANITIZE AND EXISTS ${lurus_profile_archive})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${lurus_profile_archive})
  file(SHA256 ${lurus_profile_archive} lurus_profile_hash)
endif()

# The archive's paths are those of the build folder: GCC, and ccache, look for an object's counts beside it.
set(lurus_profile_before "")
if(EXISTS ${lurus_profile_unpacked})
  file(READ ${lurus_profile_unpacked} lurus_profile_before)
endif()
if(NOT lurus_profile_hash STREQUAL lurus_profile_before)
  file(GLOB_RECURSE stale ${CMAKE_BINARY_DIR}/*.gcda)
  if(stale)
    file(REMOVE ${stale})
  endif()
  if(lurus_profile_hash)
    file(ARCHIVE_EXTRACT INPUT ${lurus_profile_archive} DESTINATION ${CMAKE_BINARY_DIR} TOUCH)
  endif()
  file(WRITE ${lurus_profile_unpacked} "${lurus_profile_hash}")
endif()

# The counts are no file that ninja knows of: what is compiled by other ones has another command line.
if(lurus_profile_hash)
  string(SUBSTRING "${lurus_profile_hash}" 0 12 lurus_profile_id)
  target_compile_definitions(lurus_flags INTERFACE LURUS_PROFILE_ID=0x${lurus_profile_id})
endif()

# lurus_use_profile(TARGET): its units that have counts are compiled by them.
function(lurus_use_profile name)
  if(lurus_profile_hash)
    target_compile_options(${name} PRIVATE -fprofile-use -fprofile-correction -Wno-coverage-mismatch -Wno-missing-profile)
  endif()
endfunction()
