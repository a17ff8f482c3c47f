#pragma once
/* What Swift's Glibc module leaves out. */
#define _GNU_SOURCE
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
