"""Show JAX every core of the CPU as a device."""

import os

import jax


def use_all_devices() -> int:
    """Make each CPU core a JAX device, so that `fnn.sweep` computes one block of runs on each.

    JAX shows a CPU as one device unless it is told otherwise. Call this function before the first
    JAX operation of the process; making a key or an array is one. It changes nothing if
    JAX_NUM_CPU_DEVICES or XLA_FLAGS already set the number. It changes nothing for GPUs and TPUs,
    which JAX always shows.

    Returns the number of CPU devices that JAX will have.

    Raises RuntimeError if JAX has already run an operation with another number of CPU devices.

        >>> import fnn
        >>> fnn.use_all_devices()  # on a machine with 4 cores  # doctest: +SKIP
        4
    """
    if is_set_by_environment():
        return len(jax.devices("cpu"))
    cores = usable_cores()
    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except RuntimeError as error:
        devices = jax.local_device_count("cpu")
        if devices == cores:
            return cores
        raise RuntimeError(
            "use_all_devices: too late, JAX has already run its first operation with "
            f"{devices} CPU device(s). Call it right after the imports, or set "
            f"JAX_NUM_CPU_DEVICES={cores} in the environment."
        ) from error
    return cores


def is_set_by_environment() -> bool:
    """Return whether the environment sets the number of CPU devices."""
    flags = os.environ.get("XLA_FLAGS", "")
    return "JAX_NUM_CPU_DEVICES" in os.environ or "host_platform_device_count" in flags


def usable_cores() -> int:
    """Return how many cores this process may use; in a container fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
