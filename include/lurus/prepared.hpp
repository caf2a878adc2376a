#pragma once
// How a configuration is taken: every module prepares its part, then all commit, and one snapshot is published. Where
// one of them refuses its part, nothing has happened.

#include "lurus/result.hpp"

namespace lurus {

/// A module's part of a new configuration, judged whole and made ready; nothing of it is in force. Dropping it leaves
/// the module as it was. One thread; must not outlive its module.
class PreparedConfiguration {
public:
    virtual ~PreparedConfiguration() = default;
    /// Writes what has to be stored before this can be in force. Once, after every module has prepared: the last step
    /// that may fail.
    virtual Result<void> store() { return {}; }
    /// Puts it in force; once. Cannot fail and calls no `on_change`: who commits publishes.
    virtual void commit() = 0;
};

}  // namespace lurus
