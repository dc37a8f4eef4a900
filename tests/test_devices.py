"""What the environment says about the number of devices."""

import pytest

from fnn import devices


@pytest.mark.parametrize(
    ("environment", "is_set"),
    [
        ({}, False),
        ({"XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false"}, False),
        ({"JAX_NUM_CPU_DEVICES": "4"}, True),
        ({"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, True),
    ],
)
def test_the_environment_may_set_the_number_of_devices(monkeypatch, environment, is_set):
    for name in ("JAX_NUM_CPU_DEVICES", "XLA_FLAGS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert devices.is_set_by_environment() is is_set
