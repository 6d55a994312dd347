"""``python -m glassgrad.lens.handbook`` writes the pages of the operations anew."""

from __future__ import annotations

import sys
from pathlib import Path

from glassgrad.lens.handbook import write

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/operations")
sys.stderr.write(f"{len(write(folder))} files written to {folder}\n")
