"""What JAX traces and compiles while a test runs."""

from contextlib import contextmanager

import jax


@contextmanager
def jax_events(part=""):
    """Yield a list that the name of every timed step of JAX is added to: traces, compilations.

    part  of the names that count
    """
    names = []

    def record(name, seconds, **_):
        if part in name:
            names.append(name)

    jax.monitoring.register_event_duration_secs_listener(record)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(record)
