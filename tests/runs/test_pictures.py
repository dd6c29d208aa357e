import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal

from tests import zoo_of_models
from tests.plotting.drawn import drawn, pictures, texts
from tests.small_runs import draw_little
from vae_zoo import VAE, HypersphericalVAE, datasets
from vae_zoo.components import likelihoods, networks
from vae_zoo.plotting.shades import MISSING
from vae_zoo.plotting.spread import spread
from vae_zoo.runs.latent_pictures import figures_of_latents, manifold_latents
from vae_zoo.runs.pictures import figures, figures_of_training, write_pictures

BASIC = {"samples", "reconstructions", "latent"}


# Models that were never trained.
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
@pytest.mark.parametrize(
    ("make_model", "further", "is_small"),
    [
        pytest.param(zoo_of_models.vae, set(), True, marks=pytest.mark.slow),
        (zoo_of_models.convolutional_vae, {"manifold"}, True),
        (zoo_of_models.dropout_vae, set(), True),
        pytest.param(
            zoo_of_models.product_of_spheres_vae, set(), True, marks=pytest.mark.slow
        ),
        (zoo_of_models.mixture_prior_vae, {"clusters"}, True),
        # Every kind of picture in its usual size.
        (zoo_of_models.gaussian_mixture_vae, {"clusters", "manifold"}, False),
    ],
)
def test_every_model_has_the_pictures_that_apply(
    make_model, further, is_small, binary_images, monkeypatch
):
    if is_small:
        draw_little(monkeypatch)
    model = make_model()
    made = figures(model, binary_images, np.arange(32) % 4, seed=1)
    assert set(made) == BASIC | (further & {"clusters"})
    made |= figures_of_latents(model, binary_images, seed=1)
    assert set(made) == {*BASIC, "traversals", "imputations", *further}
    for figure in made.values():
        drawn(figure)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.zeros((40, 5)), "y": np.eye(40)},
        {"x": np.zeros((40, 5)), "y": np.linspace(0, 1, 40)},
        {"x": np.zeros((40, 5)), "y": np.arange(40)},
        {"x": np.zeros((1, 5))},
    ],
)
def test_a_run_has_pictures_of_any_labels_and_of_one_example(
    arrays, tmp_path, monkeypatch
):
    draw_little(monkeypatch)
    np.savez(tmp_path / "x.npz", **arrays)
    source = datasets.open_source(tmp_path / "x.npz")
    model = VAE((5,), 2, encoder=networks.MLP((4,)), seed=0)
    write_pictures(model, source, tmp_path, 0, None)
    assert {path.stem for path in tmp_path.glob("*.png")} == BASIC


def test_pictures_are_of_what_the_model_makes(binary_images):
    model = zoo_of_models.mixture_prior_vae()
    made = figures(model, binary_images, None, seed=5)
    shown = pictures(made["samples"])
    assert_allclose(shown, model.sample(64, seed=5)[..., 0], rtol=1e-6)
    shown = pictures(made["reconstructions"])
    # From the first to the last, for a file may be sorted.
    x = binary_images[[0, 3, 6, 10, 13, 17, 20, 24, 27, 31]]
    assert_array_equal(shown[:10], x[..., 0])
    assert_allclose(shown[10:], model.reconstruct(x)[..., 0], rtol=1e-5)
    shown = pictures(made["clusters"])
    expected = [model.sample(10, seed=5, cluster=c)[..., 0] for c in range(3)]
    assert_allclose(shown, np.concatenate(expected), rtol=1e-6)
    (points,) = made["latent"].axes[0].collections
    assert len(points.get_offsets()) == 32


def test_traversals_are_ordered_by_kl_and_start_at_the_first_example(binary_images):
    model = VAE((6, 5, 1), 12, encoder=networks.MLP((16,)), seed=0)
    kernel = model.posterior_head.loc.dense.kernel
    kernel.assign(kernel * np.random.default_rng(0).uniform(0.1, 10, 12))
    figure = figures_of_latents(model, binary_images, seed=0)["traversals"]
    q = model.posterior(binary_images)
    mean, scale = q.mean().numpy(), q.stddev().numpy()
    kl = (0.5 * (mean**2 + scale**2 - 1) - np.log(scale)).mean(axis=0)
    order = np.argsort(-kl)[:10]
    expected = [f"latent {index + 1}: {kl[index]:.2f} nats" for index in order]
    assert [axis.get_ylabel() for axis in figure.axes[::11]] == expected
    path = model.traverse(model.encode(binary_images[:1]), int(order[0]), 11)[:, 0]
    shown = pictures(figure)[:11]
    assert_allclose(shown, model.decode(path)[..., 0], atol=1e-6)


def test_traversals_of_a_sphere_go_along_great_circles(binary_images):
    model = zoo_of_models.hyperspherical_vae()
    figure = figures_of_latents(model, binary_images, seed=0)["traversals"]
    ends = figure.axes[-11].get_xlabel(), figure.axes[-1].get_xlabel()
    assert ends == ("-1", "1")
    dimension = int(figure.axes[0].get_ylabel().split(":")[0].split()[1]) - 1
    pole = np.eye(4, dtype="float32")[[dimension]]
    assert_allclose(pictures(figure)[10], model.decode(pole)[0, ..., 0], atol=1e-5)
    assert all("variance" in axis.get_ylabel() for axis in figure.axes[::11])


def test_the_manifold_is_decoded_where_the_geometry_says(binary_images):
    model = HypersphericalVAE((6, 5, 1), 3, encoder=networks.MLP((8,)), seed=0)
    figure = figures_of_latents(model, binary_images, seed=0)["manifold"]
    (picture,) = pictures(figure)
    assert picture.shape == (20 * 6, 40 * 5)
    z = manifold_latents(model, 20)
    tile = model.decode(z[3, 7][None])[0, ..., 0]
    assert_allclose(picture[18:24, 35:40], tile, atol=1e-6)
    (axis,) = figure.axes
    assert axis.get_xlabel() == "longitude, degrees"
    assert axis.get_ylabel() == "latent 3"


@pytest.mark.parametrize("shape", [(6, 5, 1), (30,), (1, 30)])
def test_imputations_keep_the_first_half(shape, binary_images):
    x = binary_images.reshape(-1, *shape)
    model = VAE(shape, 2, encoder=networks.MLP((16,)), seed=0)
    shown = pictures(figures_of_latents(model, x, seed=0)["imputations"])
    assert len(shown) == 6 * 8
    data, observed, *draws = (
        np.stack(shown[start : start + 8]) for start in range(0, 48, 8)
    )
    is_missing = (observed == to_rgb(MISSING)).all(axis=-1)
    if shape[0] == 1:
        assert is_missing.all()
    else:
        assert is_missing.reshape(8, 2, -1).all(axis=-1).tolist() == [[False, True]] * 8
    for draw in draws:
        assert_array_equal(draw[~is_missing], data[~is_missing][:, 0])
    assert not np.array_equal(draws[0], draws[1])


def test_the_seed_fixes_the_pictures(binary_images, monkeypatch):
    draw_little(monkeypatch)
    model = zoo_of_models.vae()

    def images(seed):
        made = figures(model, binary_images, None, seed)
        made |= figures_of_latents(model, binary_images, seed)
        return [image for figure in made.values() for image in pictures(figure)]

    first, second, other = images(1), images(1), images(2)
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_pictures_of_training_need_a_history():
    assert figures_of_training([]) == {}
    row = {"epoch": 1, "elbo": -90.0, "log_likelihood": -80.0, "kl": 10.0}
    assert set(figures_of_training([row])) == {"training_curves"}
    rows = [
        {**row, "val_elbo": -95.0 + epoch, "val_kl": 11.0, "val_log_likelihood": -84.0}
        for epoch in range(2)
    ]
    made = figures_of_training(rows)
    assert set(made) == {"training_curves", "rate_distortion"}
    path = drawn(made["rate_distortion"]).axes[0].get_lines()[0]
    assert_array_equal(path.get_xydata(), [[11, 84], [11, 84]])
    assert "validation, epoch by epoch" in texts(made["rate_distortion"])


def test_every_class_is_shown_in_turn():
    sorted_classes = np.repeat([0, 1, 2, 7], [50, 3, 1, 20])
    rows = spread(74, sorted_classes, 10)
    assert_array_equal(sorted_classes[rows], [0, 0, 0, 0, 1, 1, 1, 2, 7, 7, 7][1:])
    assert len(set(rows)) == 10
    many = np.repeat(np.arange(30), 2)
    assert_array_equal(many[spread(60, many, 4)], [0, 9, 19, 29])
    assert_array_equal(spread(3, None, 10), [0, 1, 2])
    assert_array_equal(spread(100, np.eye(100), 3), [0, 49, 99])


def test_a_run_shows_examples_from_all_of_a_sorted_source(tmp_path, monkeypatch):
    x = np.repeat(np.linspace(0, 1, 50), 100)[:, None] * np.ones(5)
    np.savez(tmp_path / "x.npz", x=x)
    source = datasets.open_source(tmp_path / "x.npz", "train")
    taken = []
    monkeypatch.setattr(
        "vae_zoo.runs.pictures.figures",
        lambda m, x, *rest, **names: taken.append(x) or {},
    )
    model = VAE((5,), 2, encoder=networks.MLP((4,)), seed=0)
    for _ in range(2):
        write_pictures(model, source, tmp_path, 0, None)
    assert_array_equal(*taken)
    values = np.unique(taken[0])
    assert values.min() < 0.05
    assert len(values) > 40


def test_a_table_is_shown_in_the_range_of_its_columns():
    x = np.random.default_rng(0).normal([0, 50], [1, 9], (40, 2)).astype("float32")
    head = likelihoods.Normal(1.0)
    model = VAE((2,), 2, encoder=networks.MLP((4,)), likelihood=head, seed=0)
    made = figures(model, x, None, seed=1)
    made |= figures_of_latents(model, x, seed=1)
    shown = pictures(made["reconstructions"])[:10]
    rows = spread(40, None, 10)
    expected = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    assert_allclose(np.squeeze(shown), expected[rows], atol=1e-6)
    for name in ("samples", "reconstructions", "traversals", "imputations"):
        assert any("range of each column" in text for text in texts(drawn(made[name])))
    with pytest.raises(ValueError, match="`model` must be a model of vae_zoo"):
        figures(None, x, None, 0)
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        figures(model, x, None, "0")
