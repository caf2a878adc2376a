#pragma once
// Gives a string's or a container's memory back. Assigning an empty one does not: a short string is copied into the
// buffer that is there.

namespace lurus {

template <class T>
void release(T& container) {
    T().swap(container);
}

}  // namespace lurus
