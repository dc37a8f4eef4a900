"""Using every core: JAX shows a CPU as one device unless told otherwise before its first
operation.
"""

import os

import jax


def use_all_devices() -> int:
    """Makes each CPU core a JAX device, so that `fnn.sweep` runs one block of lanes on each.

    Call it before the first JAX operation of the process (making a key or an array is one). It
    changes nothing where JAX_NUM_CPU_DEVICES or XLA_FLAGS already set the number, nor for GPUs and
    TPUs, which JAX always shows. Returns the number of CPU devices there will be. Raises
    RuntimeError when it is too late.
    """
    if "JAX_NUM_CPU_DEVICES" in os.environ or "host_platform_device_count" in os.environ.get(
        "XLA_FLAGS", ""
    ):
        return len(jax.devices("cpu"))
    cores = usable_cores()
    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except RuntimeError as error:
        if jax.local_device_count("cpu") == cores:
            return cores
        raise RuntimeError(
            "use_all_devices: too late, JAX has already run its first operation with "
            f"{jax.local_device_count('cpu')} CPU device(s). Call it right after the imports, or "
            f"set "
            f"JAX_NUM_CPU_DEVICES={cores} in the environment."
        ) from error
    return cores


def usable_cores() -> int:
    """Cores that this process may run on (fewer than the machine has, in a container)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
