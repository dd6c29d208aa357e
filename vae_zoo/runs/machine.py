"""What a figure was measured on."""

import os
import pathlib
import platform

import tensorflow as tf


def machine_class() -> str:
    """The processors that this process may use, in words, without a host's name."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    count = count or os.cpu_count() or 1
    parts = [f"{count} CPU core{'s' * (count > 1)}", _processor()]
    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        parts.append(details.get("device_name", "a GPU"))
    return ", ".join(parts)


def _processor() -> str:
    """The processor's name and what it has for bfloat16, where the system tells."""
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition(":") for line in lines if ":" in line)
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = {"amx_bf16", "avx512_bf16"} & set(fields.get("flags", "").split())
    return " with ".join([name, *sorted(flags)[:1]])
