"""Pictures of a data set's examples in the space of latents."""

import math
from collections.abc import Hashable, Sequence
from typing import TypeAlias

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_zoo.arguments import check_flag, shown
from vae_zoo.arrays import as_array, as_floats

# Class index or name, or None for all -> booleans [N], the examples in the group.
Groups: TypeAlias = dict[Hashable, np.ndarray]

MAX_CLASSES = 20
# The most letters of a class' name in the legend.
MAX_LETTERS = 16
# The radii between which classes on a circle get rings, and the share of its ring that
# a class uses.
RINGS, RING_WIDTH = (0.5, 1.0), 0.5


def latent(
    latents: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    on_sphere: bool = False,
    *,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """The latent vectors [N, D] as points, coloured by class index `labels` [N].

    Labels that are no class indices, or have more than twenty classes, are not shown.
    One dimension is shown as a histogram, two directly, and more by their first two
    principal components, with the share of the variance that these explain.

    Args:
        latents: float [N, D].
        labels: integers [N], or None.
        on_sphere: whether the latents are directions. Two dimensions are shown as
            angles, at radii that only keep points apart, and three on an equal-area
            map.
        class_names: the classes' names in the legend, by class index; None for the
            indices.

    Raises:
        ValueError: if an argument has another shape or type.
    """
    latents = as_floats("latents", latents)
    on_sphere = check_flag("on_sphere", on_sphere)
    if latents.ndim != 2 or 0 in latents.shape:
        raise ValueError(
            f"`latents` must have shape [N, D]. Received: shape {latents.shape}"
        )
    figure = Figure((5.5, 4.5), layout="constrained")
    groups = _named(_groups(labels, len(latents)), class_names)
    dim = latents.shape[1]
    if dim == 1:
        _draw_histogram(figure, latents)
    elif on_sphere and dim == 2:
        _draw_circle(figure, latents, groups)
    elif on_sphere and dim == 3:
        _draw_globe(figure, latents, groups)
    else:
        _draw_plane(figure, latents, groups)
    return figure


def _draw_histogram(figure: Figure, latents: np.ndarray) -> None:
    axis = figure.subplots()
    axis.hist(latents[:, 0], bins=50)
    axis.set(xlabel="latent 1", ylabel="examples")


def _draw_plane(figure: Figure, latents: np.ndarray, groups: Groups) -> None:
    axis = figure.subplots()
    points, names = _plane(latents)
    axis.set(xlabel=names[0], ylabel=names[1])
    axis.xaxis.set_major_locator(MaxNLocator(6))
    _scatter(axis, points, groups)


def _draw_circle(figure: Figure, latents: np.ndarray, groups: Groups) -> None:
    axis = figure.subplots(subplot_kw={"projection": "polar"})
    angles = np.arctan2(latents[:, 1], latents[:, 0])
    # Fixed noise keeps points from hiding each other.
    noise = RING_WIDTH * np.random.default_rng(0).random(len(latents))
    radii = np.empty(len(latents))
    for ring, members in enumerate(groups.values()):
        radii[members] = (ring + noise[members]) / len(groups)
    inner, outer = RINGS
    radii = inner + (outer - inner) * radii
    name = "angle of (latent 1, latent 2)"
    axis.set(
        ylim=(0, outer),
        yticks=[],
        xlabel=name if len(groups) == 1 else f"{name}; a ring for each class",
    )
    _scatter(axis, np.stack([angles, radii], axis=1), groups)


def _draw_globe(figure: Figure, latents: np.ndarray, groups: Groups) -> None:
    figure.set_size_inches(7.5, 4)
    axis = figure.subplots(subplot_kw={"projection": "mollweide"})
    longitude = np.arctan2(latents[:, 1], latents[:, 0])
    latitude = np.arctan2(latents[:, 2], np.hypot(latents[:, 0], latents[:, 1]))
    axis.set(
        xlabel="longitude, angle of (latent 1, latent 2); Mollweide projection",
        ylabel="latitude, north: latent 3 = 1",
    )
    axis.tick_params(labelsize=7, labelcolor="0.4")
    axis.set_longitude_grid(60)  # type: ignore[attr-defined]  # A method of maps.
    axis.grid(alpha=0.4)
    _scatter(axis, np.stack([longitude, latitude], axis=1), groups)


def _scatter(axis: Axes, points: np.ndarray, groups: Groups) -> None:
    """Draws points [N, 2] in the groups' colours, with a legend if they have names."""
    area = np.clip(4000 / len(points), 6, 40)
    colours = matplotlib.colormaps["tab10" if len(groups) <= 10 else "tab20"]
    for index, (label, members) in enumerate(groups.items()):
        x, y = points[members].T
        axis.scatter(x, y, area, colours([index]), linewidths=0, label=label)
    if None not in groups:
        axis.figure.legend(
            title="class",
            loc="outside right center",
            fontsize="medium" if len(groups) <= 10 else 7,
            markerscale=math.sqrt(24 / area),
        )


def _groups(labels: npt.ArrayLike | None, count: int) -> Groups:
    """Class index -> its examples, booleans [N]; None -> all if no class is shown."""
    if labels is None:
        return {None: np.ones(count, bool)}
    labels = as_array("labels", labels)
    received = labels.shape[0] if labels.ndim else 0
    if received != count:
        raise ValueError(
            f"`labels` must be {count}, one for each of `latents`. Received: {received}"
        )
    if not _are_classes(labels):
        return {None: np.ones(count, bool)}
    return {label: labels == label for label in np.unique(labels)}


def _named(groups: Groups, class_names: Sequence[str] | None) -> Groups:
    """`groups` by the classes' names, if all of them have names."""
    if class_names is None or None in groups:
        return groups
    is_list = isinstance(class_names, (list, tuple))
    names: dict[Hashable, str] = dict(enumerate(class_names if is_list else ()))
    if not names or not all(isinstance(each, str) for each in names.values()):
        raise ValueError(
            "`class_names` must be texts, one for each class index, or None. Received: "
            f"class_names={shown(class_names)}"
        )
    return {
        _short(names[label]) if label in names else label: members
        for label, members in groups.items()
    }


def _short(name: str) -> str:
    return name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"


def _are_classes(labels: np.ndarray) -> bool:
    is_index = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
    return is_index and len(np.unique(labels)) <= MAX_CLASSES


def _plane(latents: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Points [N, 2] of a plane that shows the latents, and the names of its axes."""
    count, dim = latents.shape
    if dim == 2 or count < 2:
        # A single example does not span a plane.
        of = "" if dim == 2 else f" of {dim}"
        return latents[:, :2], (f"latent 1{of}", f"latent 2{of}")
    from sklearn.decomposition import PCA

    components = PCA(2, svd_solver="full")
    with np.errstate(invalid="ignore"):  # If all latents are the same.
        points = components.fit_transform(latents)
    shares = np.nan_to_num(components.explained_variance_ratio_)
    names = (
        f"principal component {index + 1} of {dim} latents ({share:.0%})"
        for index, share in enumerate(shares)
    )
    return points, tuple(names)
