#include <system_error>

#include "core/os/per_thread.hpp"
#include "core/os/windows_api.hpp"

namespace lurus::platform {

PerThread::PerThread(void* (*make)(), void (*end)(void*))
    : make_(make), key_(::FlsAlloc(reinterpret_cast<PFLS_CALLBACK_FUNCTION>(end))) {
    if (key_ == FLS_OUT_OF_INDEXES)
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), "a key for threads");
}

void* PerThread::get() const {
    void* value = ::FlsGetValue(key_);
    if (value == nullptr) {
        value = make_();
        ::FlsSetValue(key_, value);
    }
    return value;
}

}  // namespace lurus::platform
