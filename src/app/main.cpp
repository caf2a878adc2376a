#include <cstdio>

int main() {
    std::puts("lurus");
    return 0;
}
