"""Pictures of rate and distortion."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_zoo.arguments import check_instance, shown
from vae_zoo.arrays import as_array
from vae_zoo.plotting.curves import limit

# The share of the picture, at its edges, where labels would be cut off.
BORDER = 0.1


def rate_distortion(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
) -> Figure:
    """Rates and distortions of models: the nats that latents carry, and what is lost.

    Along a falling diagonal the ELBO, minus the sum of both, is constant.

    Args:
        curves: dict name -> (rates, distortions), in nats per example: a number each,
            or the points [P] of a path, which starts at a ring and ends at a disc.

    Raises:
        ValueError: if there is no curve, or one that has no finite points.

    Source: Alemi et al. 2018.
    """
    paths = _paths(curves)
    figure = Figure((5.5, 4.5), layout="constrained")
    axis = figure.subplots()
    colours = matplotlib.colormaps["tab10"]
    for index, (name, points) in enumerate(paths.items()):
        _draw_path(axis, points, name, colours(index % 10))
    rates, distortions = np.concatenate(list(paths.values())).T
    for set_limits, values in ((axis.set_xlim, rates), (axis.set_ylim, distortions)):
        limit(set_limits, values)
    _draw_bounds(axis)
    axis.set(
        xlabel="rate KL(q(z|x) || p(z)), nats",
        ylabel="distortion -log p(x|z), nats",
    )
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def _paths(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
) -> dict[str, np.ndarray]:
    """Name -> points [P, 2], checked."""
    expectation = 'a dict such as {"my model": (rates, distortions)}'
    check_instance("curves", curves, Mapping, expectation)
    if not curves:
        raise ValueError("`curves` must name at least one curve. Received: {}")
    paths = {}
    for name, curve in curves.items():
        if not isinstance(curve, (tuple, list)) or len(curve) != 2:
            raise ValueError(
                f"`curves` of {name!r} must be a pair of rates and distortions. "
                f"Received: {shown(curve)}"
            )
        rates, distortions = (np.ravel(as_array("curves", each)) for each in curve)
        if len(rates) != len(distortions):
            raise ValueError(
                f"`curves` of {name!r} must have as many rates as distortions. "
                f"Received: {len(rates)} and {len(distortions)}"
            )
        points = np.stack([rates, distortions], axis=1)
        # Epochs that diverged cannot be drawn.
        paths[name] = points[np.isfinite(points).all(axis=1)]
        if not len(paths[name]):
            raise ValueError(
                f"`curves` of {name!r} must have at least one point of finite numbers. "
                f"Received: {rates} and {distortions}"
            )
    return paths


def _draw_path(
    axis: Axes, points: np.ndarray, name: str, colour: tuple[float, float, float, float]
) -> None:
    ends = {"end": points[-1]}
    if len(points) > 1:
        axis.plot(*points.T, color=colour)
        axis.plot(*points[:1].T, "o", color=colour, markerfacecolor="white")
        ends["start"] = points[0]
        for text, point in ends.items():
            axis.annotate(text, point, (6, 4), textcoords="offset points")
    axis.plot(*points[-1:].T, "o", color=colour, label=name)


def _draw_bounds(axis: Axes) -> None:
    """Draws lines of equal ELBO in the background."""
    left, right, bottom, top = *axis.get_xlim(), *axis.get_ylim()
    rates, distortions = np.linspace(left, right, 50), np.linspace(bottom, top, 50)
    sums = rates + distortions[:, None]
    levels = MaxNLocator(8).tick_values(sums.min(), sums.max())
    levels = levels[(levels > sums.min()) & (levels < sums.max())]
    lines = axis.contour(
        rates,
        distortions,
        sums,
        levels,
        colors="0.8",
        linewidths=0.8,
        linestyles="-",
        zorder=0,
    )
    starts, ends = np.maximum(left, levels - top), np.minimum(right, levels - bottom)
    x = (starts + ends) / 2
    share_across = (x - left) / (right - left)
    share_up = (levels - x - bottom) / (top - bottom)
    is_inside = np.abs([share_across - 0.5, share_up - 0.5]).max(axis=0) < 0.5 - BORDER
    middles = np.stack([x, levels - x], axis=1)[is_inside]
    labels = {"fontsize": 7, "colors": "0.5", "manual": middles, "zorder": 0}
    # Avoids minus zero.
    axis.clabel(lines, fmt=lambda level: f"ELBO {0 - level:g}", **labels)
