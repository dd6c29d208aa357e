"""Makes a preset: trains it, measures it, writes SavedModel, card and pictures.

    python benchmarks/make_preset.py vae_digits --runs runs

`presets.toml` has the recipes. The run resumes where it stopped. Its folder is
`--runs` and the preset's name, or `--run` if it was trained elsewhere by the same
command. A preset is replaced only if the first figure gets better, or with `--replace`.
Without a preset's name this prints the README's table of presets. `--refresh` exports a
preset again with the present code and the recipe's words, and keeps its figures.
"""

import argparse
import contextlib
import io
import json
import pathlib
import shlex
import shutil
import tempfile
import tomllib

from PIL import Image

from vae_zoo import VAE, cli
from vae_zoo.cli.commands import RUNS
from vae_zoo.cli.options import build_parser
from vae_zoo.datasets import open_source
from vae_zoo.runs.pictures import write_all_pictures
from vae_zoo.serving.layout import find_version, read_metadata
from vae_zoo.serving.saved_model import PROVENANCE
from vae_zoo.zoo.model_card import shown
from vae_zoo.zoo.publishing import save_to_preset

HERE = pathlib.Path(__file__).resolve().parent
RECIPES = HERE / "presets.toml"
SAVED_MODELS = HERE.parent / "savedmodels"
MAX_BYTES = 6_000_000
CAPTIONS = {
    "samples": "Draws from the model: means of p(x given z), z from the prior.",
    "reconstructions": "Test examples, and below each its reconstruction.",
    "traversals": "Each row moves one latent alone, the most used first.",
    "clusters": "Draws from each cluster, a row each.",
    "latent": "Latents of test examples.",
    "manifold": "What the latents stand for.",
    "imputations": "Lower halves drawn given the upper ones.",
}


def recipes():
    """Preset name -> its recipe, and the data sets' descriptions."""
    content = tomllib.loads(RECIPES.read_text())
    return content["presets"], content["data"]


def command(words, **options):
    """The words of a command line of `vae-zoo`, with further options where set."""
    more = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
        if value
    ]
    return [*shlex.split(words), *more]


def run(arguments):
    """Runs `vae-zoo`; returns what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = cli.main(arguments)
    if code:
        raise SystemExit(f"vae-zoo {shlex.join(arguments)}: exit code {code}")
    return printed.getvalue()


def measured(recipe, folder, data_dir):
    """The card's figures, from one `vae-zoo evaluate --json`."""
    words = f"evaluate {shlex.quote(str(folder))} {recipe['evaluate']} --json"
    found = json.loads(run(command(words, data_dir=data_dir)).splitlines()[-1])
    metrics = []
    for wanted in recipe["metrics"]:
        metric = dict(wanted)
        measurement, scale = found[metric["measure"]], metric.get("scale", 1)
        error = measurement["standard_error"]
        metric["value"] = scale * measurement["value"]
        metric["standard_error"] = error and abs(scale) * error
        metrics.append(metric)
    return metrics


def check_better(name, metric):
    """Refuses to replace a preset by a worse one; `metric` is the new one's first."""
    path = SAVED_MODELS / name
    if not path.exists():
        return
    old = read_metadata(find_version(path)).get("card", {}).get("metrics")
    if not old:
        return
    before, now = old[0]["value"], metric["value"]
    if not (now < before if metric["better"] == "lower" else now > before):
        raise SystemExit(
            f"{name}: {now:.4f} is no better than the {before:.4f} there is"
        )


def described(name, recipe, data, folder, metrics):
    """Where the weights in `folder` are from, with their card."""
    made = read_metadata(find_version(folder))
    metadata = {key: made[key] for key in PROVENANCE if key in made}
    metadata["card"] = {
        "summary": recipe["summary"],
        "data": data[recipe["data"]],
        "training_command": f"vae-zoo train {recipe['train']} --output runs/{name}",
        "evaluation_command": f"vae-zoo evaluate {name} {recipe['evaluate']}",
        "metrics": metrics,
        "pictures": [
            {"file": f"{picture}.png", "caption": CAPTIONS[picture]}
            for picture in recipe["pictures"]
        ],
        "use": recipe["use"],
        "limits": recipe["limits"],
    }
    return metadata


def publish(name, recipe, metadata, folder, data_dir):
    """Puts the SavedModel, its card and pictures in place of what was there."""
    model = VAE.from_preset(folder)
    shown = build_parser(RUNS).parse_args(
        command(f"evaluate {name} {recipe['evaluate']}", data_dir=data_dir)
    )
    source = open_source(shown.dataset, shown.split or "test", data_dir=data_dir)
    with tempfile.TemporaryDirectory(dir=SAVED_MODELS) as partial:
        target = pathlib.Path(partial) / name
        save_to_preset(model, target, metadata)
        pictures = pathlib.Path(partial) / "pictures"
        write_all_pictures(model, source, pictures, shown.seed, shown.binarize)
        for picture in recipe["pictures"]:
            _compress(pictures / f"{picture}.png", target / f"{picture}.png")
        size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
        if size > MAX_BYTES:
            raise SystemExit(f"{name}: {size} bytes, over {MAX_BYTES}")
        shutil.rmtree(SAVED_MODELS / name, ignore_errors=True)
        target.rename(SAVED_MODELS / name)


def _compress(source, target):
    """Writes a picture with 256 colours, a half of its size."""
    with Image.open(source) as image:
        image.convert("RGB").quantize(256).save(target, optimize=True)


def refresh(name, recipe, data, data_dir):
    """Exports a preset anew: its weights and figures, the recipe's words."""
    folder = SAVED_MODELS / name
    old = read_metadata(find_version(folder))["card"]["metrics"]
    found = {metric["name"]: metric for metric in old}
    keys = ("value", "standard_error")
    metrics = [
        {**wanted, **{key: found[wanted["name"]][key] for key in keys}}
        for wanted in recipe["metrics"]
    ]
    metadata = described(name, recipe, data, folder, metrics)
    publish(name, recipe, metadata, folder, data_dir)


def print_table():
    """The README's rows: the first figure of each card."""
    for name, metadata in VAE.presets.items():
        metric = metadata["card"]["metrics"][0]
        published = "; ".join(
            f"{shown(each)} ({each['name']})" for each in metric.get("published", [])
        )
        cells = (f"`{name}`", metric["name"], f"**{shown(metric)}**", published)
        print(f"| {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known, data = recipes()
    parser.add_argument("preset", nargs="?", choices=sorted(known))
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs"))
    parser.add_argument("--run", type=pathlib.Path, default=None)
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--replace", action="store_true", help="also by a worse one")
    parser.add_argument("--refresh", action="store_true", help="export it anew")
    options = parser.parse_args()
    if options.preset is None:
        return print_table()
    recipe = known[options.preset]
    if options.refresh:
        return refresh(options.preset, recipe, data, options.data_dir)
    folder = options.run or options.runs / options.preset
    arguments = command(
        f"train {recipe['train']}", output=folder, data_dir=options.data_dir
    )
    if options.run is None and cli.main(arguments):
        raise SystemExit(f"{folder}: the run failed")
    metrics = measured(recipe, folder, options.data_dir)
    for metric in metrics:
        print(f"{metric['name']}: {metric['value']:.4f}", flush=True)
    if not options.replace:
        check_better(options.preset, metrics[0])
    metadata = described(options.preset, recipe, data, folder, metrics)
    publish(options.preset, recipe, metadata, folder, options.data_dir)


if __name__ == "__main__":
    main()
