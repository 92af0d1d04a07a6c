"""How the process keeps freed memory while it computes, and gives it back when it does not."""

import ctypes
import platform
import sys

# Parameters of glibc's mallopt (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
IS_GLIBC = platform.libc_ver()[0] == "glibc"


def keep_freed_memory() -> None:
    """Keep the memory of freed tensors in the process, for the next step to use.

    Every step frees and allocates the same feature maps of 50 MB and more. By default glibc returns
    such blocks to the kernel, which zeroes them page by page when they are allocated again; that
    takes a tenth of the time of a run. Where the C library is not glibc, nothing changes.
    """
    if not IS_GLIBC:
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_THRESHOLD, 2**30)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(M_ARENA_MAX, 1)  # by default each thread of a server keeps memory of its own


def release_freed_memory() -> None:
    """Return kept memory to the kernel, and that of a GPU to its driver.

    PyTorch keeps the memory of freed tensors on a GPU for the tensors to come. That saves a visitor
    who comes next some hundredths of a second, so a server releases memory when it is idle, not
    after each run. Kept for longer, the memory of one large picture would be missing to every other
    program on that GPU.
    """
    if IS_GLIBC:
        ctypes.CDLL(None).malloc_trim(0)
    if "torch" in sys.modules:
        import torch  # waits, where another thread is in the midst of this import

        torch.cuda.empty_cache()  # does nothing where CUDA is not in use
