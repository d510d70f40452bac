"""YAML files into checked values: every complaint names file and line.

Use: ``section = load_yaml(path)``, take each key with a typed method, then ``section.done()`` refuses what is left.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import yaml

from .errors import ConfigInvalid


class _Loader(yaml.SafeLoader):
    """SafeLoader that knows 1e3 for a number, as JSON and YAML 1.2 do."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


class Section:
    """One mapping of a YAML file. Keys are taken once, with their type and range; ``done`` refuses unknown ones."""

    def __init__(self, path: Path, node: yaml.MappingNode, name: str = "") -> None:
        self.path = path
        self.name = name
        self.line = node.start_mark.line + 1
        self._left: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in self._left:
                raise ConfigInvalid(f"{path}:{key_node.start_mark.line + 1}: key '{self._full(key)}' is given twice")
            self._left[key] = value_node
        self._lines = {str(k.value): k.start_mark.line + 1 for k, _ in node.value}

    def _full(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def error(self, key: str, message: str) -> ConfigInvalid:
        """An error that points at ``key`` (or at the section when the key is absent)."""
        return ConfigInvalid(f"{self.path}:{self._lines.get(key, self.line)}: '{self._full(key)}' {message}")

    def keys(self) -> list[str]:
        """Keys not taken yet, in file order."""
        return list(self._left)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def _take(self, key: str) -> yaml.Node:
        if key not in self._left:
            raise self.error(key, "is missing")
        return self._left.pop(key)

    def _plain(self, key: str) -> object:
        node, loader = self._take(key), _Loader("")
        try:
            value: object = loader.construct_document(node)
        except (yaml.YAMLError, ValueError) as error:  # a tag nobody knows, or a date or number that is none
            reason = getattr(error, "problem", None) or error
            raise self.error(key, f"is not valid YAML ({reason})") from error
        finally:
            loader.dispose()
        return value

    def section(self, key: str) -> Section:
        """A nested mapping."""
        node = self._take(key)
        if not isinstance(node, yaml.MappingNode):
            raise self.error(key, "must be a mapping")
        return Section(self.path, node, self._full(key))

    def text(self, key: str) -> str:
        """A non-empty string."""
        value = self._plain(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, f"must be text, got {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """A boolean."""
        value = self._plain(key)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, got {value!r}")
        return value

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number in [low, high]."""
        return self._number(key, self._plain(key), low, high)

    def numbers(self, key: str, count: int, low: float = -math.inf, high: float = math.inf) -> list[float]:
        """A list of ``count`` finite numbers in [low, high]."""
        value = self._plain(key)
        if not isinstance(value, list) or len(value) != count:
            raise self.error(key, f"must be a list of {count} numbers, got {value!r}")
        return [self._number(key, item, low, high) for item in value]

    def texts(self, key: str) -> list[str]:
        """A non-empty list of strings."""
        value = self._plain(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"must be a list of names, got {value!r}")
        return value

    def done(self) -> None:
        """Refuse keys that nobody took: a misspelt key must never be a silent default."""
        for key in self._left:
            raise self.error(key, "is not a known key")

    def _number(self, key: str, value: object, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"must be a number, got {value!r}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.error(key, f"must be finite, got {str(value)[:40]}")
        if not (low <= number <= high):
            raise self.error(key, f"is {number:g}, outside {low:g} to {high:g}")
        return number


def load_yaml(path: Path) -> Section:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ConfigInvalid: the file cannot be read or is not a YAML mapping; the message starts with ``file:line:``.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}:1: cannot be read ({error})") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise ConfigInvalid(f"{path}:{line}: is not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(node, yaml.MappingNode):
        raise ConfigInvalid(f"{path}:1: must be a mapping at the top level")
    return Section(path, node)
