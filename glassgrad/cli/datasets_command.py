"""``glassgrad datasets``: what can be loaded by name."""

from __future__ import annotations

from dataclasses import asdict

from glassgrad import datasets
from glassgrad.cli.screen import Screen

__all__ = ["list_datasets"]


def list_datasets(screen: Screen) -> None:
    """Show the names, what is on this machine, and whose the data are."""
    offers = datasets.offers()
    rows = [
        [
            offer.name,
            f"{offer.megabytes:g} MB",
            "yes" if offer.is_here else "downloaded at first use",
            f"{offer.description}. {offer.attribution}",
        ]
        for offer in offers
    ]
    header = ["name", "size", "on this machine", "what it is, and whose"]
    document = {"datasets": [asdict(offer) for offer in offers]}
    screen.table("Data sets by name", header, rows, document)
    screen.note(
        "Of your own: glassgrad train FILE.csv --target COLUMN; a Parquet, NPY or NPZ file; a "
        "folder of images, with a folder for each class; a folder of IDX files."
    )
