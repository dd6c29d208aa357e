"""The workers of a distributed run meet, before TensorFlow starts.

TensorFlow waits for missing workers without a word, and takes two with one index for
one that came back. So they meet first, by a line of JSON each over the ports that it
will use. Nothing here needs TensorFlow.
"""

import contextlib
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator

from vae_zoo.arguments import Config, check_instance, check_number, shown
from vae_zoo.fitting.tf_config import Cluster

# How long a worker waits for the others.
SECONDS_TO_WAIT = 300
# How long for an address whose name is unknown. The containers of a run start together.
SECONDS_FOR_NAMES = 20
# A pod has its name once it is scheduled, for which a cluster may need a new machine.
NAMES_COME_LATER = "KUBERNETES_SERVICE_HOST" in os.environ
SECONDS_TO_ANSWER = 5
SECONDS_BETWEEN_TRIES = 0.3
MAX_BYTES = 1 << 20
GO = {"go": True}


class WorkerLostError(RuntimeError):
    """Another worker is gone: all have to be started again, and resume."""


def meet(cluster: Cluster, seconds: float | None = None) -> None:
    """Returns once all workers are there; says for whom it waits.

    Args:
        cluster: a `tf_config.Cluster`.
        seconds: how long it waits, `SECONDS_TO_WAIT` by default.

    Raises:
        ValueError: if the name in an address stays unknown (outside Kubernetes, where
            it comes with the pod), the own port is taken, or two workers have one
            index or different clusters.
        WorkerLostError: if one does not come.
    """
    check_instance("cluster", cluster, Cluster, "what `read_cluster` gives")
    if seconds is None:
        seconds = SECONDS_TO_WAIT
    check_number("seconds", seconds, "to wait for the others", minimum=0)
    waiting = _Waiting(time.monotonic(), seconds)
    with _listener(cluster) as server:
        _wait_for_names(cluster, waiting)
        if cluster.place == 0:
            _gather(cluster, server, waiting)
        else:
            _join(cluster, server, waiting)


class _Waiting:
    """Says for whom, but not twice, and ends it."""

    def __init__(self, start: float, seconds: float) -> None:
        self.start, self.seconds = start, seconds
        self.said: str | None = None

    def check(self, whom: str) -> None:
        """Raises WorkerLostError at the end of the time."""
        if whom != self.said:
            print(
                f"vae-zoo: waiting for {whom}, at most {self.seconds:g} seconds in all",
                file=sys.stderr,
                flush=True,
            )
            self.said = whom
        if self.passed() > self.seconds:
            raise WorkerLostError(
                f"waited {self.seconds:g} seconds for {whom} in vain; start all of "
                "them again by the same command"
            )

    def passed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start


@contextlib.contextmanager
def _listener(cluster: Cluster) -> Iterator[socket.socket]:
    """The own port, where TensorFlow is going to listen."""
    address = cluster.addresses[cluster.place]
    port = _host_and_port(address)[1]
    try:
        server = _bound(port)
    except OSError as error:
        raise ValueError(
            f"'{address}' must be this worker's own address in TF_CONFIG, with a port "
            "that is free; another program, or another worker with the same index, "
            f"may have it. Received: {os.strerror(error.errno or 0)}"
        ) from None
    with server:
        yield server


def _bound(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True
            )
        except OSError as error:
            # The system may know IPv6 and have no address of it.
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise
    return socket.create_server(("", port))


def _wait_for_names(cluster: Cluster, waiting: _Waiting) -> None:
    unknown = list(cluster.addresses)
    while unknown:
        unknown = [address for address in unknown if not _is_known(address)]
        if not unknown:
            return
        if not NAMES_COME_LATER and waiting.passed() > SECONDS_FOR_NAMES:
            raise ValueError(
                "TF_CONFIG must name hosts that this machine knows, by its DNS or its "
                f"/etc/hosts. Received: '{unknown[0]}', whose name is unknown"
            )
        waiting.check(" and ".join(f"the name of '{each}'" for each in unknown))
        time.sleep(SECONDS_BETWEEN_TRIES)


def _is_known(address: str) -> bool:
    try:
        socket.getaddrinfo(*_host_and_port(address), type=socket.SOCK_STREAM)
    except OSError:
        return False
    return True


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _gather(cluster: Cluster, server: socket.socket, waiting: _Waiting) -> None:
    """The chief's part: it calls the others until all of them are there at once."""
    places = range(1, len(cluster.addresses))
    calls: dict[int, socket.socket] = {}
    with contextlib.ExitStack() as stack:
        while True:
            calls = {place: calls[place] for place in calls if _is_open(calls[place])}
            for place in places:
                if place not in calls and (call := _called(cluster, place)):
                    calls[place] = stack.enter_context(call)
            missing = [cluster.addresses[each] for each in places if each not in calls]
            if not missing:
                break
            waiting.check(" and ".join(f"the worker at '{each}'" for each in missing))
            # Only one that takes itself for the chief would call.
            _answered(cluster, server)
        for call in calls.values():
            with contextlib.suppress(OSError):
                _send(call, GO)


def _join(cluster: Cluster, server: socket.socket, waiting: _Waiting) -> None:
    """The part of the others: each answers the chief and waits for its word."""
    first = f"the first worker, at '{cluster.addresses[0]}'"
    while True:
        waiting.check(first)
        call = _answered(cluster, server)
        if call is None:
            continue
        with call:
            call.settimeout(SECONDS_BETWEEN_TRIES)
            while _is_open(call):
                with contextlib.suppress(OSError):
                    if _received(call) == GO:
                        return
                waiting.check(f"{first}, which waits for others")


def _called(cluster: Cluster, place: int) -> socket.socket | None:
    """A connection to the worker at that place, or None if it is not there yet."""
    address = cluster.addresses[place]
    with contextlib.ExitStack() as stack:
        try:
            call = stack.enter_context(
                socket.create_connection(_host_and_port(address), SECONDS_TO_ANSWER)
            )
            _send(call, _greeting(cluster, place))
            answer = _received(call)
        except OSError:
            return None
        found = _place_in(cluster, answer, "place")
        if found != place:
            raise _misplaced(address, cluster, found)
        stack.pop_all()
        return call


def _answered(cluster: Cluster, server: socket.socket) -> socket.socket | None:
    """The connection of a chief that calls; None if none does for a moment."""
    server.settimeout(SECONDS_BETWEEN_TRIES)
    with contextlib.ExitStack() as stack:
        try:
            call = stack.enter_context(server.accept()[0])
            call.settimeout(SECONDS_TO_ANSWER)
            question = _received(call)
            _send(call, _greeting(cluster))
        except OSError:
            return None
        called = _place_in(cluster, question, "called")
        if called != cluster.place:
            raise _misplaced(cluster.addresses[called], cluster, cluster.place)
        stack.pop_all()
        return call


def _greeting(cluster: Cluster, called: int | None = None) -> Config:
    return {**cluster._asdict(), "called": called}


def _place_in(cluster: Cluster, greeting: Config, key: str) -> int:
    """The place that a greeting names, once it is known to be of the same cluster."""
    found, place = greeting.get("addresses"), greeting.get(key)
    addresses = list(cluster.addresses)
    if (
        found != addresses
        or not isinstance(place, int)
        or not 0 <= place < len(addresses)
    ):
        raise ValueError(
            "All workers must have the same `cluster` in TF_CONFIG. Received: "
            f"{', '.join(cluster.addresses)} here, and {shown(found)} in another one"
        )
    return place


def _misplaced(address: str, cluster: Cluster, place: int) -> ValueError:
    return ValueError(
        "Each worker must have an index of its own in TF_CONFIG, that of the address "
        f"at which it is. Received: at '{address}' a worker with the index of "
        f"'{cluster.addresses[place]}'"
    )


def _is_open(call: socket.socket) -> bool:
    """Whether the other end has not hung up."""
    before = call.gettimeout()
    call.setblocking(False)
    try:
        return bool(call.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        call.settimeout(before)


def _send(call: socket.socket, content: object) -> None:
    call.sendall(f"{json.dumps(content)}\n".encode())


def _received(call: socket.socket) -> Config:
    """A line of JSON, a dict; raises OSError if it is anything else."""
    data = b""
    while not data.endswith(b"\n"):
        part = call.recv(4096)
        data += part
        if not part or len(data) > MAX_BYTES:
            raise ConnectionError("no line came")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise ConnectionError("it is no worker") from None
    if not isinstance(content, dict):
        raise ConnectionError("it is no worker")
    return content
