"""Memory that a worker keeps between operations, where Dask asks that it be given back at once."""

import ctypes
import os
import platform

TRIM = "MALLOC_TRIM_THRESHOLD_"  # Dask's nanny sets it, to 64 KiB
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 2**27  # bytes
LARGEST = 2**25  # the largest threshold that glibc takes


def keep_memory() -> None:
    """Let glibc keep what is freed, where the environment has set a low threshold for it.

    Each operation would get its memory from the system anew: on two workers of Dask a sweep of
    64-32-10 took 1.5 times as long, most of it page faults.
    """
    if TRIM not in os.environ or platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_TRIM_THRESHOLD, KEPT)
    mallopt(M_MMAP_THRESHOLD, LARGEST)
