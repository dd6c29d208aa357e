"""The workers of a distributed run, without TensorFlow."""

import concurrent.futures
import json
import socket
import time

import pytest

from vae_zoo.fitting import workers
from vae_zoo.fitting.tf_config import Cluster
from vae_zoo.fitting.workers import WorkerLostError

SECONDS = 20


def free_addresses(count):
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    addresses = tuple(f"localhost:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return addresses


def meetings(*clusters, seconds=(SECONDS,) * 3):
    """What each worker's meeting raises, or None; the later ones start later."""

    def meet(number, cluster):
        time.sleep(0.1 * number)
        return workers.meet(cluster, seconds[number])

    with concurrent.futures.ThreadPoolExecutor() as pool:
        tasks = [pool.submit(meet, *each) for each in enumerate(clusters)]
        return [task.exception() for task in tasks]


def test_workers_meet_and_say_for_whom_they_wait(capsys):
    addresses = free_addresses(3)
    # The chief is neither the first nor the last to come.
    assert meetings(*(Cluster(addresses, place) for place in (1, 0, 2))) == [None] * 3
    said = capsys.readouterr().err
    assert f"waiting for the first worker, at '{addresses[0]}', at most 20 sec" in said
    assert f"the worker at '{addresses[2]}'" in said
    # The ports are free again, for TensorFlow.
    assert meetings(*(Cluster(addresses, place) for place in range(3))) == [None] * 3


def test_who_is_missing_is_named():
    addresses = free_addresses(3)
    present = [Cluster(addresses, place) for place in (0, 1)]
    chief, other = meetings(*present, seconds=(1, 3))
    assert isinstance(chief, WorkerLostError)
    assert isinstance(other, WorkerLostError)
    assert f"waited 1 seconds for the worker at '{addresses[2]}' in" in str(chief)
    assert f"waited 3 seconds for the first worker, at '{addresses[0]}'" in str(other)


def test_a_worker_that_went_and_came_back_is_met():
    addresses = free_addresses(3)
    clusters = [Cluster(addresses, place) for place in range(3)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        chief = pool.submit(workers.meet, clusters[0], SECONDS)
        with pytest.raises(WorkerLostError):
            workers.meet(clusters[1], 0.5)
        others = [pool.submit(workers.meet, each, SECONDS) for each in clusters[1:]]
        assert [task.exception() for task in (chief, *others)] == [None] * 3


def test_a_port_in_use_is_told_from_a_missing_worker():
    with socket.create_server(("", 0)) as taken:
        address = f"localhost:{taken.getsockname()[1]}"
        # On one machine a doubled index is that, too.
        with pytest.raises(ValueError, match="own address.*Address already in"):
            workers.meet(Cluster((address, "localhost:1"), 0), SECONDS)


def test_a_doubled_index_on_another_machine_is_found():
    addresses = free_addresses(3)
    port = int(addresses[1].rpartition(":")[2])
    answer = {"addresses": addresses, "place": 2}
    with (
        socket.create_server(("", port)) as server,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        chief = pool.submit(workers.meet, Cluster(addresses, 0), SECONDS)
        call, _ = server.accept()
        with call:
            asked = json.loads(call.recv(10_000))
            call.sendall(json.dumps(answer).encode() + b"\n")
            error = str(chief.exception())
    assert asked["called"] == 1
    assert "must have an index of its own" in error
    assert f"at '{addresses[1]}' a worker with the index of '{addresses[2]}'" in error


def test_workers_of_different_clusters_are_refused():
    first, second, third = free_addresses(3)
    clusters = Cluster((first, second), 0), Cluster((first, second, third), 1)
    for error in meetings(*clusters):
        assert "must have the same `cluster` in TF_CONFIG" in str(error)


def test_strangers_at_the_port_are_no_workers():
    addresses = free_addresses(2)
    where = "localhost", int(addresses[1].rpartition(":")[2])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        worker = pool.submit(workers.meet, Cluster(addresses, 1), SECONDS)
        for text in (b"PRI * HTTP/2.0\r\n\r\n", b"[]\n", b"\xff\n", b""):
            while True:
                try:
                    stranger = socket.create_connection(where)
                except OSError:
                    continue
                break
            stranger.sendall(text)
            stranger.close()
        workers.meet(Cluster(addresses, 0), SECONDS)
        assert worker.exception() is None


@pytest.fixture
def _unknown_names(monkeypatch):
    def fail(*arguments, **keywords):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(workers, "SECONDS_FOR_NAMES", 0.1)


@pytest.mark.usefixtures("_unknown_names")
def test_an_unknown_name_is_waited_for_and_then_refused(monkeypatch, capsys):
    cluster = Cluster((free_addresses(1)[0], "b.nowhere:1"), 0)
    monkeypatch.setattr(workers, "NAMES_COME_LATER", False)
    with pytest.raises(ValueError, match=f"Received: '{cluster.addresses[0]}', whose"):
        workers.meet(cluster, SECONDS)
    assert "and the name of 'b.nowhere:1', at most" in capsys.readouterr().err
    # A pod may be later than the other, and then it is tried again.
    monkeypatch.setattr(workers, "NAMES_COME_LATER", True)
    with pytest.raises(WorkerLostError, match="seconds for the name of"):
        workers.meet(cluster, 0.5)
