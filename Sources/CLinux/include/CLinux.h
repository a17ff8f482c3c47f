#pragma once
/* What Swift's Glibc module leaves out. */
#include <errno.h>
#include <linux/magic.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/statfs.h>

/* Names the calling thread (15 bytes at most), as `top -H` and gdb show it. */
static inline void clinux_name_thread(const char *name) {
    extern int pthread_setname_np(pthread_t, const char *);
    pthread_setname_np(pthread_self(), name);
}

/* The system's words for an errno, or NULL; unlike strerror it is safe from any thread (glibc 2.32). */
static inline const char *clinux_describe_error(int code) {
    extern const char *strerrordesc_np(int);
    return strerrordesc_np(code);
}

/* The process's environment, which Swift 6 holds to be unsafe as the mutable global that it is. */
static inline char *const *clinux_environment(void) {
    extern char **environ;
    return environ;
}

/* Unmaps the pages of the program and its libraries that are unchanged in their files: most were only looked at by the
   dynamic linker, and those that are needed come back at the next touch, out of the page cache. */
void clinux_release_startup_pages(void);
