#pragma once
// Libraries that are loaded when they are first needed: the one executable starts without them, and what they bring
// along (an OpenSSL of their own) stays apart from what is linked in.

#include <initializer_list>

namespace lurus {

/// Stays loaded for as long as the process lives. Any thread.
class SharedLibrary {
public:
    /// The first of these names that the system has.
    explicit SharedLibrary(std::initializer_list<const char*> names);

    /// False when it lacks a function of this name, or when there is no such library.
    template <class Function>
    bool find(const char* name, Function& function) const {
        function = reinterpret_cast<Function>(address_of(name));
        return function != nullptr;
    }

private:
    [[nodiscard]] void* address_of(const char* name) const;

    void* handle_ = nullptr;
};

}  // namespace lurus
