#include "core/os/shared_library.hpp"
#include "core/os/windows_api.hpp"

namespace lurus {

// The system's own alone: what lies in the working folder or in PATH may be anybody's.
SharedLibrary::SharedLibrary(std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (handle_ == nullptr)
            handle_ = ::LoadLibraryExW(windows::wide(name).c_str(), nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
    }
}

void* SharedLibrary::address_of(const char* name) const {
    if (handle_ == nullptr) return nullptr;
    return reinterpret_cast<void*>(::GetProcAddress(static_cast<HMODULE>(handle_), name));
}

}  // namespace lurus
