#include "core/os/end_process.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <spdlog/spdlog.h>

#include "core/os/windows_api.hpp"

namespace lurus {

// Without destructors of statics: winpthreads' (`pthread_key_delete`) waits for ever for a lock that a thread which the
// system ended, such as that of a Ctrl-C, may have held.
void end_process(int code) {
    spdlog::shutdown();
    std::cout.flush();
    std::cerr.flush();
    std::fflush(nullptr);
    ::TerminateProcess(::GetCurrentProcess(), static_cast<UINT>(code));
    std::abort();  // not reached
}

}  // namespace lurus
