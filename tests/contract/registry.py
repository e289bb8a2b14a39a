"""All rows, and the public names that must each have one."""

import importlib
import pkgutil

import jaxmath
from tests import contract
from tests.contract.row import HostRow, Row

# Below a subpackage in this set the public names are those of its modules.
BY_MODULE = {"models"}


def rows() -> list[Row | HostRow]:
    """Every row of every ``rows_*`` module, in order of the name."""
    found: list[Row | HostRow] = []
    for module in pkgutil.iter_modules(contract.__path__):
        if module.name.startswith("rows_"):
            found += importlib.import_module(f"{contract.__name__}.{module.name}").ROWS
    return sorted(found, key=lambda row: row.name)


def function_rows() -> list[Row]:
    """The rows of array functions."""
    return [row for row in rows() if isinstance(row, Row)]


def public_names() -> list[str]:
    """Every public name as a dotted path below ``jaxmath``."""
    names = []
    for top in jaxmath.__all__:
        module = importlib.import_module(f"jaxmath.{top}")
        if top in BY_MODULE:
            for name in module.__all__:
                inner = importlib.import_module(f"jaxmath.{top}.{name}")
                names += [f"{top}.{name}.{attribute}" for attribute in inner.__all__]
        else:
            names += [f"{top}.{attribute}" for attribute in module.__all__]
    return sorted(names)
