"""A training step that went wrong, in a file: weights, batch, state, and how to repeat it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glassgrad.arguments import checked
from glassgrad.errors import FileError, GlassgradError
from glassgrad.graph.trees import flatten, rebuild
from glassgrad.lens.doctor.bad_value import BadValue
from glassgrad.lens.doctor.first_bad_value import first_bad_value_of
from glassgrad.models import Model
from glassgrad.models.sequential import model_from
from glassgrad.training.data import Batch
from glassgrad.training.storage import load_tree, save_tree

__all__ = ["Repetition", "replay", "write_bad_step"]

KIND = "bad step"
# What a well-formed file with senseless content can lead to.
WRONG_CONTENT = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Repetition:
    """A step that went wrong, once more.

    Args:
        bad_value: what was found when it went wrong.
        is_repeated: whether the same was found again; ``None`` where it could not be tried.
        remark: what differs, or why it could not be tried; empty else.
    """

    bad_value: BadValue
    is_repeated: bool | None
    remark: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return {
            **self.bad_value.as_dict(),
            "is_repeated": self.is_repeated,
            "remark": self.remark,
        }

    def __str__(self) -> str:
        verdicts = {
            True: "The step was repeated, with the same result.",
            False: f"The step was repeated, with another result: {self.remark}",
            None: f"The step was not repeated: {self.remark}",
        }
        return f"{self.bad_value}\n{verdicts[self.is_repeated]}"


def write_bad_step(
    path: str | os.PathLike[str], model: Model, batch: Batch, found: BadValue
) -> BadValue:
    """Write what is needed to repeat a step; all or nothing.

    A model with layers or functions that have no name in files is left out, and the file says so.

    Args:
        path: where to, in the safetensors format.
        model: in the state before the step.
        batch: what the step is about.
        found: what went wrong.

    Returns:
        What went wrong, with the name of the file.

    Raises:
        FileError: the file cannot be written.
    """
    found = found.in_file(os.fspath(path))
    content, reason = _content_of(model)
    tree = {
        "model": content,
        "reason": reason,
        "batch": list(rebuild(batch.structure, batch.arrays)),
        "bad_value": found.as_dict(),
    }
    save_tree(path, KIND, tree)
    return found


@checked
def replay(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None
) -> Repetition:
    """Repeat a training step that went wrong, and look for its first bad value again.

    Args:
        path: the file that the doctor has written.
        custom_objects: classes and functions of one's own that the file names.

    Returns:
        What was found then, and whether it was found again.

    Raises:
        FileError: there is no such file, or it is damaged, or of another kind.
    """
    tree = load_tree(path, KIND)
    try:
        then = BadValue.from_dict(tree["bad_value"])
        arrays, structure = flatten(tuple(tree["batch"]))
    except WRONG_CONTENT as error:
        raise FileError(
            f"{os.fspath(path)!r} does not describe a training step: {error!r}. Let the doctor "
            "write another file."
        ) from error
    if tree["model"] is None:
        return Repetition(then, None, str(tree["reason"]))
    try:
        model = model_from(tree["model"], custom_objects)
        now = first_bad_value_of(model, Batch(arrays, structure))
    except (GlassgradError, *WRONG_CONTENT) as error:
        return Repetition(
            then,
            None,
            f"the model cannot be made here. {error} In Python, "
            "glassgrad.doctor.replay(path, custom_objects={…}) takes what is your own.",
        )
    if now is None:
        return Repetition(then, False, "all values are finite.")
    if not now.is_same_as(then):
        return Repetition(then, False, f"{now.kind} {now.place}. {now.cause}")
    return Repetition(then, True)


def _content_of(model: Model) -> tuple[dict[str, Any] | None, str]:
    """What a model file would hold, or why there is none."""
    try:
        return model.content(), ""
    except GlassgradError as error:
        return None, f"the model cannot be written to a file. {error}"
