import json

import pytest

from vae_zoo.fitting.tf_config import Cluster, read_cluster


def config(cluster=None):
    cluster = {"worker": ["a:1", "b:1"]} if cluster is None else cluster
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})


def test_workers_are_listed_with_their_chief_first():
    cluster = {"worker": ["b:1", "[::1]:65535"], "chief": ["a.example:1"]}
    for kind, index, place in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        task = {"type": kind, "index": index}
        found = read_cluster(json.dumps({"cluster": cluster, "task": task}))
        assert found == Cluster(("a.example:1", "b:1", "[::1]:65535"), place)


@pytest.mark.parametrize(
    ("cluster", "problem"),
    [
        ([], "`cluster` does not have"),
        ({"ps": ["a:1"], "worker": ["b:1"]}, "`cluster` does not have"),
        ({"worker": "a:1"}, "is no list"),
        ({"worker": ["a"]}, "'a' is no host:port"),
        ({"worker": [["a:1"]]}, "is no host:port"),
        ({"worker": [None]}, "None is no host:port"),
        ({"worker": [":1"]}, "':1' is no host:port"),
        ({"worker": ["http://a:1"]}, "is no host:port"),
        ({"worker": ["a b:1"]}, "is no host:port"),
        ({"worker": ["::1:1"]}, "is no host:port"),
        ({"worker": ["a:\N{FULLWIDTH DIGIT ONE}"]}, "is no host:port"),
        ({"worker": ["a:-1"]}, "is no host:port"),
        ({"worker": ["a:0"]}, "the port of 'a:0' is not one of 1 to 65535"),
        ({"worker": ["a:65536"]}, "the port of 'a:65536' is not one"),
        ({"worker": ["a:99999999"]}, "'a:99999999' is no host:port"),
        ({"worker": ["a:1", "A:01"]}, "'A:01' is there twice"),
        ({"chief": ["a:1"], "worker": ["a:1"]}, "'a:1' is there twice"),
        ({"chief": ["a:1", "b:1"], "worker": ["c:1"]}, "`chief` is not one"),
        ({"worker": []}, "`index` is 0, but `cluster` has 0"),
    ],
)
def test_a_malformed_cluster_is_refused(cluster, problem):
    with pytest.raises(ValueError, match="TF_CONFIG must be JSON such as") as error:
        read_cluster(config(cluster))
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no object"),
        ("[" * 100_000, "it is no JSON"),
        (json.dumps({"cluster": {"worker": ["a:1"]}}), "`task` is no object"),
        *(
            (json.dumps({"cluster": {"worker": ["a:1"]}, "task": task}), problem)
            for task, problem in (
                ({"type": "worker"}, "`index` is None, no integer"),
                ({"type": "worker", "index": "0"}, "`index` is '0', no integer"),
                ({"type": "worker", "index": True}, "`index` is True, no integer"),
                ({"type": "worker", "index": 0.0}, "`index` is 0.0, no integer"),
                ({"type": "worker", "index": -1}, "`index` is -1, but"),
                ({"type": "worker", "index": 1}, "`index` is 1, but `cluster` has 1"),
                ({"type": "chief", "index": 0}, "`type` is 'chief', which"),
                ({"type": ["worker"], "index": 0}, "`type` is ['worker'], which"),
            )
        ),
        (
            json.dumps({**json.loads(config()), "rpc_layer": "carrier pigeon"}),
            "`rpc_layer` is 'carrier pigeon'",
        ),
    ],
)
def test_a_malformed_tf_config_is_refused(text, problem):
    with pytest.raises(ValueError, match="TF_CONFIG must be JSON such as") as error:
        read_cluster(text)
    assert problem in str(error.value)
