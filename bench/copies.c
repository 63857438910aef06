/* Counts what a process copies in its memory, of every library in it that calls the C library for it. Preloaded by
 * `bench/copies.py`: memcpy, memmove and their checked forms, blocks that realloc moves, and what comes from a socket.
 * Copies of a few bytes that a compiler wrote out are not calls and are not counted. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
#include <sys/socket.h>

_Atomic unsigned long saferweho_copied, saferweho_received;

static void count(_Atomic unsigned long *counter, size_t bytes) {
    atomic_fetch_add_explicit(counter, bytes, memory_order_relaxed);
}

void *memmove(void *to, const void *from, size_t size) {
    char *target = to;
    const char *source = from;
    count(&saferweho_copied, size);
    if (target <= source || target >= source + size)
        for (size_t i = 0; i < size; i++) target[i] = source[i];
    else
        for (size_t i = size; i > 0; i--) target[i - 1] = source[i - 1];
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) { return memmove(to, from, size); }

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room) { (void)room; return memmove(to, from, size); }

void *__memmove_chk(void *to, const void *from, size_t size, size_t room) { (void)room; return memmove(to, from, size); }

void *realloc(void *block, size_t size) {
    static void *(*of_libc)(void *, size_t);
    if (!of_libc) of_libc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    size_t before = block ? malloc_usable_size(block) : 0;
    void *moved = of_libc(block, size);
    if (moved && moved != block) count(&saferweho_copied, before < size ? before : size);
    return moved;
}

ssize_t recv(int socket, void *buffer, size_t size, int flags) {
    static ssize_t (*of_libc)(int, void *, size_t, int);
    if (!of_libc) of_libc = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    ssize_t came = of_libc(socket, buffer, size, flags);
    if (came > 0) count(&saferweho_received, (size_t)came);
    return came;
}
