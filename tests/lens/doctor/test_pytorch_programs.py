"""What is found in a network of PyTorch is what is found in the same network of this package."""

from __future__ import annotations

import pytest
import torch

from tests.lens.doctor.pytorch_programs import PROGRAMS, TorchProgram

EPOCHS = 8  # enough to see each fault; the programs train longer
#: The twins, each once: faults of one program have the same.
TWINS = tuple({one.program.name: one for one in PROGRAMS}.values())


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_the_first_finding_names_the_fault(program: TorchProgram) -> None:
    findings = program.train(is_sick=True, epochs=EPOCHS)
    assert findings
    assert findings[0].code in (program.fault.code, *program.fault.also)


@pytest.mark.parametrize("program", TWINS, ids=lambda one: str(one.program.name))
def test_healthy_twins_raise_no_alarm(program: TorchProgram) -> None:
    assert program.train(is_sick=False, epochs=EPOCHS) == []
