"""Command-line options `--option KEY=VALUE`, typed by the signature of the function that takes them."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from hf_qads.errors import ConfigError

_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def typed_options(flags: Sequence[str], function: Callable[..., Any]) -> dict[str, Any]:
    """Options of a strategy or score, from texts `KEY=VALUE`.

    The type is that of the parameter's default, or its annotation where it has none: a text stays as it is, a
    list has commas between its numbers. A key that the function does not take is read as YAML; who checks the
    options refuses it by name.

    Raises:
        ConfigError: a text without `=`, or a value of another type.
    """
    found: dict[str, Any] = {}
    parameters = inspect.signature(function).parameters
    for flag in flags:
        key, sign, text = flag.partition("=")
        if not sign:
            raise ConfigError(f"--option {flag!r} is not of the form KEY=VALUE.")
        found[key] = _typed(flag, text, _kind(parameters.get(key)))
    return found


def _kind(parameter: inspect.Parameter | None) -> Any:
    if parameter is None:
        return None
    return parameter.annotation if parameter.default is parameter.empty else type(parameter.default)


def _typed(flag: str, text: str, kind: Any) -> Any:
    try:
        if kind is str:
            return text
        if kind is bool:
            return _TRUTH[text.strip().lower()]
        if kind in (int, float):
            return kind(text)
        if kind is tuple:
            return tuple(yaml.safe_load(f"[{text.strip().strip('[]()')}]"))
        return yaml.safe_load(text)
    except (KeyError, ValueError, yaml.YAMLError) as error:
        names = {bool: "true or false", int: "a whole number", float: "a number", tuple: "a list such as 1,2"}
        raise ConfigError(f"--option {flag!r} must be {names.get(kind, 'a value in YAML')}.") from error
