from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
TESTED = ("test_team.py", "test_matmul.py", "test_code_for_arm.py", "test_processor.py")
# What needs no twins: other processes have none forced, and kernels are tested for Arm as they are.
ELSEWHERE = "other_processes or test_generated_kernels"


def test_the_executor_runs_where_nothing_is_known_of_the_processor() -> None:
    """As on a processor of a family of which we know no instruction, and on another system."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.execute.cpu.portable_twins"),
            *("-q", "-rs", "-p", "no:cacheprovider", "-k", f"not ({ELSEWHERE})"),
            *(str(FOLDER / name) for name in TESTED),
        ],
        cwd=FOLDER.parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "this processor has no such mode" in done.stdout, "the twins were not forced"
