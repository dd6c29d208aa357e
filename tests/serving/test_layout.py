"""Which folder of an exported model is meant."""

import json

from tests.server_files import make_versions
from vae_zoo.serving.layout import find_version, read_metadata
from vae_zoo.zoo import presets


def test_a_folder_of_versions_means_the_newest(tmp_path, monkeypatch):
    # By number: as text 10 would come before 9.
    folder = make_versions(tmp_path / "savedmodels" / "m", [9, 10, 2])
    assert find_version(folder) == folder / "10"
    assert find_version(folder / "9") == folder / "9"
    content = {**read_metadata(folder / "10"), "dataset": "new"}
    (folder / "10" / "assets.extra" / "vae_zoo.json").write_text(json.dumps(content))
    monkeypatch.setattr(presets, "PACKAGE", tmp_path)
    assert presets.metadata() == {"m": content}
