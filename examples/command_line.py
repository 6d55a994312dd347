"""How an example is called: small or in full, with which data, from which seed."""

from __future__ import annotations

import argparse
import inspect
import time
from collections.abc import Callable

__all__ = ["run"]


def run(main: Callable[..., dict[str, float]]) -> None:
    """Read the arguments of the command line, run the example, and print what it has measured.

    Args:
        main: takes a scale, "small" or "full", a folder or ``None``, and a seed.
    """
    description = (inspect.getdoc(inspect.getmodule(main)) or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true", help="what the README's figures are of")
    parser.add_argument("--data", help="the folder with the data, where real ones are asked for")
    parser.add_argument("--seed", type=int, default=0, help="decides everything that is random")
    given = parser.parse_args()
    begin = time.perf_counter()
    found = main("full" if given.full else "small", given.data, given.seed)
    for name, value in found.items():
        print(f"{value:9.4f}  {name}")
    print(f"{time.perf_counter() - begin:9.1f}  seconds")
