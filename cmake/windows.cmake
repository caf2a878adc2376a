# Toolchain: Windows on x86-64, by Debian's mingw-w64 with POSIX threads. The libraries are made when they are missing.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(lurus_windows x86_64-w64-mingw32)
set(CMAKE_C_COMPILER ${lurus_windows}-gcc-posix)
set(CMAKE_CXX_COMPILER ${lurus_windows}-g++-posix)
set(CMAKE_RC_COMPILER ${lurus_windows}-windres)

# One path for them in every clone and after every change of their recipe, by which the compiler's cache knows them again.
cmake_path(SET lurus_windows_libraries NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../build/windows-libraries)
if(NOT DEFINED ENV{LURUS_WINDOWS_LIBRARIES})
  execute_process(COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/../packaging/windows/libraries.sh
    OUTPUT_VARIABLE lurus_made OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(ENV{LURUS_WINDOWS_LIBRARIES} "${lurus_made}")  # this file is read again for each compiler check
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/../build)
  file(CREATE_LINK "${lurus_made}" ${lurus_windows_libraries} SYMBOLIC)
endif()
set(CMAKE_FIND_ROOT_PATH ${lurus_windows_libraries} /usr/${lurus_windows})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(OPENSSL_ROOT_DIR ${lurus_windows_libraries})
set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES ${lurus_windows_libraries}/include)
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${lurus_windows_libraries}/include)

find_program(lurus_wine NAMES wine)
if(lurus_wine)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${lurus_wine})
endif()
