"""Figures with their errors, as a table and as JSON."""

import dataclasses
import math
from typing import Any, Self

from vae_zoo.evaluation.estimate import Estimate

EFFECTIVE_SIZE = "effective_sample_size"
# Below this effective sample size, a few draws decide the mean of all weights.
FEW_SAMPLES = 10
MAX_VALUES_SHOWN = 6
COLUMNS = "{:<42} {:>10} {:>8} {:>8}  {:<8} {:>8} {:>7}"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One figure, or one for each latent or cluster.

    Attributes:
        value: a number, or a tuple of numbers.
        unit: such as "nats"; empty for shares, scores and counts.
        num_examples: the number of examples behind it.
        num_samples: draws of the latents for each example, if there are any.
        standard_error: of each figure as an estimate for the whole population; None if
            it is not known.
        sampling_error: of the figure as an estimate for these examples, only from the
            draws.
    """

    value: float | tuple[float, ...]
    unit: str
    num_examples: int
    num_samples: int | None = None
    standard_error: float | tuple[float, ...] | None = None
    sampling_error: float | None = None

    @classmethod
    def of(
        cls, estimate: Estimate, unit: str = "", num_samples: int | None = None
    ) -> Self:
        """The measurement of an `Estimate`."""
        return cls(
            value=estimate.mean,
            unit=unit,
            num_examples=estimate.num_examples,
            num_samples=num_samples,
            standard_error=estimate.standard_error,
            sampling_error=estimate.sampling_error,
        )


@dataclasses.dataclass
class Report:
    """The results of `report`.

    Attributes:
        measurements: dict name -> `Measurement`.
        is_interrupted: whether Ctrl-C stopped it early.
    """

    measurements: dict[str, Measurement]
    is_interrupted: bool = False

    def names_of_few_samples(self) -> list[str]:
        """The names of effective sample sizes below ten."""
        return [
            name
            for name, measurement in self.measurements.items()
            if name.startswith(EFFECTIVE_SIZE)
            and not isinstance(measurement.value, tuple)
            and measurement.value < FEW_SAMPLES
        ]

    def as_json(self) -> dict[str, Any]:
        """Plain values: dict name -> dict, and `interrupted`."""
        content = {
            name: {key: _plain(value) for key, value in vars(measurement).items()}
            for name, measurement in self.measurements.items()
        }
        return {**content, "interrupted": self.is_interrupted}

    def as_table(self) -> str:
        """A text, one line for each measurement; `error` is the standard error."""
        titles = ("", "value", "error", "sampling", "unit", "examples", "samples")
        lines = [COLUMNS.format(*titles)]
        for name, measurement in self.measurements.items():
            lines += _lines(name, measurement)
        lines += map(_footnote, self.names_of_few_samples())
        return "\n".join(line.rstrip() for line in lines)


def _footnote(name: str) -> str:
    likelihood = name.replace(EFFECTIVE_SIZE, "log_marginal_likelihood")
    return (
        f"{name} is below {FEW_SAMPLES}: {likelihood} can be too low by more "
        "than its errors say; take more samples"
    )


def _lines(name: str, measurement: Measurement) -> list[str]:
    if isinstance(measurement.value, tuple):
        values = " ".join(f"{x:.3g}" for x in measurement.value[:MAX_VALUES_SHOWN])
        more = len(measurement.value) - MAX_VALUES_SHOWN
        values += f" and {more} more" if more > 0 else ""
        unit = f" {measurement.unit}" if measurement.unit else ""
        return [f"{name:<42} {values}{unit}, {measurement.num_examples} examples"]
    errors = (measurement.standard_error, measurement.sampling_error)
    return [
        COLUMNS.format(
            name,
            _shown(measurement.value),
            *("" if _plain(error) is None else f"{error:.2g}" for error in errors),
            measurement.unit,
            measurement.num_examples,
            measurement.num_samples or "",
        )
    ]


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _plain(value: Any) -> Any:
    """`value`, or None for a number that JSON cannot hold."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    is_number = isinstance(value, float)
    return None if is_number and not math.isfinite(value) else value
