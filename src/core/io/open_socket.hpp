#pragma once
// A socket that a library has open, for whoever has to end what the library does with it.

#include <mutex>

namespace lurus {

/// Any thread. The library's owner tells of its socket by callbacks.
class OpenSocket {
public:
    void opened(int descriptor);
    /// Before the descriptor is closed: it may be another socket's then.
    void closed();
    /// The same, and closes it: 0 when that went well.
    int close(int descriptor);
    /// Shuts it down, or the one that is opened next: whoever reads or writes it returns at once.
    void shut();
    [[nodiscard]] bool is_shut() const;

private:
    static void shut_down(int descriptor);

    mutable std::mutex mutex_;
    int descriptor_ = -1;
    bool shut_ = false;
};

}  // namespace lurus
