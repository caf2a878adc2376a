// What GCC's and Debian's static libraries take from a libc newer than 2.31. It stays inside the executable: libraries
// that are loaded later keep those of their own libc.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#define INSIDE __attribute__((visibility("hidden")))

INSIDE extern char __libc_single_threaded;
INSIDE void arc4random_buf(void* to, size_t size);
INSIDE uint32_t arc4random(void);

// Never claimed: reference counts are atomic from the start.
char __libc_single_threaded = 0;

// Like libc's own it has no way to fail: without the system's random numbers the process ends.
void arc4random_buf(void* to, size_t size) {
    unsigned char* at = to;
    while (size > 0) {
        const ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            if (errno != EINTR) abort();
            continue;
        }
        at += got;
        size -= (size_t)got;
    }
}

uint32_t arc4random(void) {
    uint32_t value;
    arc4random_buf(&value, sizeof value);
    return value;
}
