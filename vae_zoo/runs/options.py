"""The options of a training run: those of every run, and its model's and its parts'."""

import ast
import dataclasses
import difflib
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping

from vae_zoo.arguments import (
    Config,
    check_choice,
    check_count,
    check_flag,
    check_instance,
    check_number,
    shown,
)
from vae_zoo.runs.plan import FOR_MODELS_WITH, Plan
from vae_zoo.zoo.catalogue import DEFAULTS, DISTORTED, MODELS, SCHEDULES, Entry
from vae_zoo.zoo.constructors import REQUIRED, Argument, arguments_of, meanings

PLAIN = {"int": int, "float": float, "bool": bool, "str": str}


@dataclasses.dataclass(frozen=True)
class Option:
    """A setting of a run, and an option of `vae-zoo train MODEL`.

    Attributes:
        name: of the setting.
        kind: int, float, bool, str or list, of integers.
        meaning: what it is, one sentence, with its limits.
        defaults: its default by the choice of its owner, alone under None without one.
        choices: what it can be, () if there is more than a few.
        length: of a list, None if it can be any.
        owner: the option whose choices take it, or None if it is taken whatever these.
    """

    name: str
    kind: type
    meaning: str
    defaults: dict
    choices: tuple = ()
    length: int | None = None
    owner: "Option | None" = None

    @property
    def limit(self) -> str:
        """Which numbers it takes: "share", "any", "positive" or "from 0"."""
        if "in [0, 1)" in self.meaning:
            return "share"
        if "any finite number" in self.meaning:
            return "any"
        may_be_zero = self.kind is float or ">= 0" in self.meaning
        return "from 0" if may_be_zero and "> 0" not in self.meaning else "positive"

    def checked(self, value: object) -> object:
        """`value` as JSON holds it; raises ValueError if it cannot be that."""
        if value is None and None in self.defaults.values():
            return None
        if self.choices:
            return check_choice(self.name, value, self.choices)
        match self.kind.__name__:
            case "bool":
                return check_flag(self.name, value)
            case "str":
                return self._checked_text(value)
            case "list":
                return self._checked_list(value)
            case "int":
                least = 0 if self.limit == "from 0" else 1
                return check_count(self.name, value, least, self.meaning)
        limits: dict[str, tuple[int | None, int | None]]
        limits = {"positive": (0, None), "any": (None, None)}
        above, minimum = limits.get(self.limit, (None, 0))
        number = check_number(
            self.name, value, self.meaning, above=above, minimum=minimum
        )
        if self.limit == "share" and number >= 1:
            raise ValueError(
                f"`{self.name}` must be a number in [0, 1), {self.meaning}. Received: "
                f"{self.name}={shown(value)}"
            )
        return number

    def _checked_text(self, value: object) -> str:
        text = check_instance(self.name, value, str, "text")
        if not text.strip():
            raise ValueError(
                f"`{self.name}` must not be empty. Received: {self.name}={text!r}"
            )
        return text

    def _checked_list(self, value: object) -> list[int]:
        if (
            not isinstance(value, list)
            or not value
            or self.length not in (None, len(value))
        ):
            number = "" if self.length is None else f"{self.length} "
            raise ValueError(
                f"`{self.name}` must be a list of {number}integers >= 1. Received: "
                f"{self.name}={shown(value)}"
            )
        return [check_count(self.name, each, 1, self.meaning) for each in value]


def of_function(
    function: Callable[..., object], left_out: Collection[str] = ()
) -> dict[str, Option]:
    """The options that the arguments of a function or a class are, by name.

    Args:
        function: imported, with an "Args" section in its docstring.
        left_out: arguments that are no options.
    """
    found: dict[str, Option] = {}
    texts = meanings(function.__doc__)
    for name, each in inspect.signature(function).parameters.items():
        if name not in left_out:
            annotation = inspect.formatannotation(each.annotation)
            _add(found, name, Argument(name, annotation, each.default, texts[name]))
    return found


def of_class(path: str, left_out: Collection[str] = ()) -> dict[str, Option]:
    """As `of_function`, of a class that is not imported for it.

    Args:
        path: "module.Class".
        left_out: arguments that are no options.
    """
    found: dict[str, Option] = {}
    for argument in arguments_of(path).values():
        if argument.name not in left_out:
            _add(found, argument.name, argument)
    return found


def of_every_run() -> dict[str, Option]:
    """The options that are none of a model's, by name."""
    return of_function(Plan, left_out=("model", "options"))


def of_model(model: str) -> dict[str, Option]:
    """The options of `vae-zoo train MODEL` that are settings, by name."""
    entry = MODELS[model]
    found = of_every_run()
    for argument in entry.arguments.values():
        choices = entry.choices.get(argument.name)
        name = entry.option(argument.name)
        if choices is None:
            _add(found, name, argument)
        elif choices:
            _add_part(found, name, argument, choices)
    for argument in DISTORTED.arguments.values():
        _add(found, DISTORTED.option(argument.name), argument)
    if "beta" in found:
        meaning = "how beta, or a capacity, grows in the warm-up"
        argument = Argument("schedule", "", ..., meaning)
        _add_part(found, argument.name, argument, SCHEDULES)
    return {k: v for k, v in found.items() if FOR_MODELS_WITH.get(k, k) in found}


def _add_part(
    found: dict[str, Option],
    name: str,
    argument: Argument,
    choices: Mapping[str, Entry | None],
) -> None:
    """Adds the option that names a part, and those of each part there is."""
    default = {None: next(iter(choices))}
    owner = Option(name, str, argument.meaning, default, tuple(choices))
    found[name] = owner
    for choice, part in choices.items():
        if part is not None:
            for each in part.arguments.values():
                _add(found, part.option(each.name), each, owner, choice)


def _add(
    found: dict[str, Option],
    name: str,
    argument: Argument,
    owner: Option | None = None,
    choice: str | None = None,
) -> None:
    """Adds the option that an argument is, if it is a plain value."""
    kind, choices, length = _kind(argument)
    default = DEFAULTS.get(name, argument.default)
    if kind is None or default is ...:
        return
    default = list(default) if isinstance(default, tuple) else default
    known = found.setdefault(
        name, Option(name, kind, argument.meaning, {}, choices, length, owner)
    )
    if known.owner == owner:
        known.defaults.setdefault(choice, default)
    elif known.owner is not None:
        raise ValueError(
            f"`{name}` must be an argument of one kind of part alone, or have another "
            f"name in `RENAMED`. Received: one of {known.owner.name} and another"
        )


def _kind(argument: Argument) -> tuple[type | None, tuple[str | None, ...], int | None]:
    """The type of the values, what they can be, and the length of a list."""
    annotation = argument.annotation.removesuffix(" | None")
    # Of "float | ScheduleLike" the option is the number.
    for member in annotation.split(" | "):
        if member in PLAIN:
            return PLAIN[member], (), None
    if annotation.startswith("Literal["):
        return str, tuple(ast.literal_eval(annotation.removeprefix("Literal"))), None
    if annotation.startswith("tuple[int, "):
        return list, (), None if "..." in annotation else annotation.count("int")
    default = DEFAULTS.get(argument.name, argument.default)
    kind = list if isinstance(default, tuple) else type(default)
    return kind if kind in (*PLAIN.values(), list) else None, (), None


def completed(settings: dict) -> Plan:
    """The plan of `settings`, each checked by itself, with defaults for the others.

    Args:
        settings: plain values, one for each option of `vae-zoo train MODEL`, with
            `model`.

    Raises:
        ValueError: if one is unknown, missing, off, or set where nothing takes it.
    """
    check_instance(
        "settings", settings, dict, "a dict of the options of `vae-zoo train MODEL`"
    )
    if "model" not in settings:
        raise ValueError(
            f"`settings` must have 'model', one of {', '.join(map(repr, MODELS))}. "
            f"Received: {shown(sorted(map(str, settings)))}"
        )
    model = check_choice("model", settings["model"], tuple(MODELS))
    options = of_model(model)
    for name in settings:
        if name != "model" and name not in options:
            raise _unknown(name, options, model)
    found: Config = {}
    for name, option in options.items():
        owner = option.owner
        choice = found[owner.name] if owner else None
        if choice in option.defaults:
            found[name] = _value(option, choice, settings)
        elif owner and name in settings:
            raise ValueError(
                f"`{name}` must be left out with {owner.name}={choice!r}; it is "
                f"for {', '.join(option.defaults)}. Received: "
                f"{name}={shown(settings[name])}"
            )
    own = {name: found.pop(name) for name in of_every_run() if name in found}
    return Plan(model=model, options=found, **own)


def _value(option: Option, choice: str | None, settings: Config) -> object:
    """What is set, or the default for the choice of the option's owner."""
    if option.name in settings:
        return option.checked(settings[option.name])
    if option.defaults[choice] is REQUIRED:
        raise ValueError(
            f"`settings` must have '{option.name}', as `vae-zoo train MODEL --help` "
            f"says. Received: {shown(sorted(settings))}"
        )
    return option.defaults[choice]


def _unknown(name: object, known: Iterable[str], model: str) -> ValueError:
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ValueError(
        f"`settings` must have options of `vae-zoo train {model}` alone{hint} "
        f"Received: {shown(name)}"
    )
