#pragma once
// A pointer for each thread. A thread_local object that has a destructor is none on Windows: there the memory of a
// thread's variables is given back before their destructors run.

namespace lurus::platform {

/// For the life of the process. Any thread.
class PerThread {
public:
    /// `make` is called once in each thread that asks, `end` with what it returned when that thread ends.
    PerThread(void* (*make)(), void (*end)(void*));
    PerThread(const PerThread&) = delete;
    PerThread& operator=(const PerThread&) = delete;

    /// Null only where `make` returned null; it is asked again then.
    [[nodiscard]] void* get() const;

private:
    void* (*make_)();
    unsigned long key_;
};

}  // namespace lurus::platform
