#include <pthread.h>

#include <system_error>

#include "core/os/per_thread.hpp"

namespace lurus::platform {

PerThread::PerThread(void* (*make)(), void (*end)(void*)) : make_(make), key_(0) {
    pthread_key_t key{};
    if (const int why = ::pthread_key_create(&key, end); why != 0)
        throw std::system_error(why, std::system_category(), "a key for threads");
    key_ = key;
}

void* PerThread::get() const {
    const auto key = static_cast<pthread_key_t>(key_);
    void* value = ::pthread_getspecific(key);
    if (value == nullptr) {
        value = make_();
        ::pthread_setspecific(key, value);
    }
    return value;
}

}  // namespace lurus::platform
