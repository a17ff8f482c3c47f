#define _GNU_SOURCE /* dl_iterate_phdr */
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "CLinux.h"

static int release_pages(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size, (void)context;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        /* What may be written to, or was when it was relocated, has no copy in the file. */
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        const uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        const uintptr_t end = start + segment->p_filesz;
        madvise((void *)(start & ~(page - 1)), end - (start & ~(page - 1)), MADV_DONTNEED);
    }
    return 0;
}

void clinux_release_startup_pages(void) { dl_iterate_phdr(release_pages, NULL); }
