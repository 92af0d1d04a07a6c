"""How the process keeps its memory while it works on the CPU."""

import ctypes
import platform

# Parameters of glibc's mallopt (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
IS_GLIBC = platform.libc_ver()[0] == "glibc"


def keep_freed_memory() -> None:
    """Let freed tensors stay with the process, for the next step to use.

    Every step frees and allocates the same feature maps of 50 MB and more. By default glibc hands
    such blocks back to the kernel, which zeroes them page by page when they are asked for again:
    a tenth of the time of a run. Elsewhere than on glibc nothing is changed.
    """
    if not IS_GLIBC:
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_THRESHOLD, 2**30)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(M_ARENA_MAX, 1)  # else every worker thread of a server keeps memory of its own


def release_freed_memory() -> None:
    """Hand what `keep_freed_memory` has kept back to the kernel, as a server does at rest."""
    if IS_GLIBC:
        ctypes.CDLL(None).malloc_trim(0)
