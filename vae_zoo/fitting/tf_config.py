"""The workers that `TF_CONFIG` names, without TensorFlow, which checks little of it."""

import json
import re
from typing import Any, NamedTuple

from vae_zoo.arguments import shown

# An address in brackets is one of IPv6.
ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


class Cluster(NamedTuple):
    """Who trains together: `host:port` of each, the chief first, and the own place."""

    addresses: tuple[str, ...]
    place: int


def read_cluster(config: str) -> Cluster:
    """The workers that a `TF_CONFIG` names, JSON of this form:

        {"cluster": {"worker": ["a:2222", "b:2222"]},
         "task": {"type": "worker", "index": 0}}

    Args:
        config: text.

    Returns:
        A `Cluster`.

    Raises:
        ValueError: if it has another form, names an address twice, or has no such task.
    """
    try:
        content = json.loads(config)
    except (TypeError, ValueError, RecursionError):
        raise _malformed(config, "it is no JSON") from None
    if not isinstance(content, dict):
        raise _malformed(config, "it is no object")
    cluster: Any = content.get("cluster")
    task: Any = content.get("task")
    problem = _problem_with_cluster(cluster) or _problem_with_task(task, cluster)
    if not problem and content.get("rpc_layer") not in (None, "grpc"):
        problem = f"`rpc_layer` is {shown(content['rpc_layer'])}, not 'grpc'"
    if problem:
        raise _malformed(config, problem)
    chiefs = cluster.get("chief", [])
    addresses = (*chiefs, *cluster.get("worker", []))
    return Cluster(addresses, task["index"] + len(chiefs) * (task["type"] == "worker"))


def _malformed(config: str, problem: str) -> ValueError:
    return ValueError(
        'TF_CONFIG must be JSON such as {"cluster": {"worker": ["host:port", …]}, '
        '"task": {"type": "worker", "index": 0}}, each address once and the task one '
        f"of the cluster's, but {problem}. Received: {shown(config)}"
    )


def _problem_with_cluster(cluster: Any) -> str | None:
    """What is wrong with it, or None."""
    if not isinstance(cluster, dict) or not cluster.keys() <= {"chief", "worker"}:
        return "`cluster` does not have the lists 'worker' or 'chief' alone"
    if not all(isinstance(each, list) for each in cluster.values()):
        return "what `cluster` holds is no list"
    if len(cluster.get("chief", [None])) != 1:
        return "`chief` is not one address"
    found = set()
    for address in (each for addresses in cluster.values() for each in addresses):
        match = ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if not match:
            return f"{shown(address)} is no host:port"
        host, port = match[1].lower(), int(match[2])
        if not 1 <= port <= 65535:
            return f"the port of {shown(address)} is not one of 1 to 65535"
        if (host, port) in found:
            return f"{shown(address)} is there twice"
        found.add((host, port))
    return None


def _problem_with_task(task: Any, cluster: Any) -> str | None:
    """What is wrong with it, or None."""
    if not isinstance(task, dict):
        return "`task` is no object"
    kind, index = task.get("type"), task.get("index")
    if not isinstance(kind, str) or kind not in cluster:
        return f"the task's `type` is {shown(kind)}, which `cluster` does not have"
    if isinstance(index, bool) or not isinstance(index, int):
        return f"the task's `index` is {shown(index)}, no integer"
    count = len(cluster[kind])
    if not 0 <= index < count:
        return f"the task's `index` is {index}, but `cluster` has {count} of its type"
    return None
