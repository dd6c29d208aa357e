import configparser
import pathlib
import re

import numpy as np
import tensorflow as tf

README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


def test_the_first_python_example_runs_and_is_short(tmp_path, monkeypatch):
    example = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL).group(1)
    assert len(example.strip().splitlines()) < 15
    assert "model.fit" in example
    example, count = re.subn(r"epochs=\d+", "epochs=2, verbose=0", example)
    assert count == 1
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, str(README), "exec"), names)
    assert names["images"].shape == (16, 8, 8, 1)
    np.testing.assert_array_equal(names["again"].sample(16, seed=0), names["images"])
    served = tf.saved_model.load("served/digits/1")
    assert "serving_default" in served.signatures


def test_there_are_exactly_two_set_up_commands():
    set_up = README.read_text().split("## Set up")[1].split("\n## ")[0]
    commands = [line.strip() for line in set_up.splitlines() if line.startswith("    ")]
    assert commands == [
        "pip install . && vae-zoo train vae --dataset digits --output runs/vae-digits",
        'pip install -e ".[test]" && pytest',
    ]


def test_every_picture_is_there():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README.read_text()):
        assert (README.parent / path).stat().st_size > 1000


def test_no_package_is_left_out_of_the_wheel():
    setup = configparser.ConfigParser()
    setup.read(README.parent / "setup.cfg")
    listed = {
        line
        for line in setup["options"]["packages"].split("\n")
        if line and not line.startswith("#")
    }
    folders = {
        ".".join(path.parent.relative_to(README.parent).parts)
        for path in (README.parent / "vae_zoo").rglob("*.py")
    }
    assert listed == folders | {"vae_zoo.savedmodels"}
