"""Colours and fonts of pictures of networks, by day and by night."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["STEPS", "STYLE"]

# Magma, of even steps to the eye and clear to people with any colour vision (van der Walt and
# Smith, 2015); what is large is far from the background, in the dark as in the light.
LIGHT = ("#fea973", "#fb835f", "#ef5d5e", "#d6456c", "#b73779", "#942c80", "#752181", "#54137d",
         "#29115a")  # fmt: skip
DARK = ("#842681", "#a5317e", "#c73d73", "#e44f64", "#f7705c", "#fd9668", "#febd82", "#fddea0",
        "#fcf9bb")  # fmt: skip
STEPS = len(LIGHT)


def _coloured(colours: Sequence[str]) -> str:
    return "".join(
        f".glassgrad-network .g{number}{{stroke:{colour}}}"
        f".glassgrad-network .g{number}.head{{fill:{colour}}}"
        for number, colour in enumerate(colours)
    )


def _styled(rules: str) -> str:
    """Rules that touch nothing but such pictures, since a page may hold other things beside."""
    return "".join(
        f".glassgrad-network {rule.strip()}" for rule in rules.strip().splitlines() if rule.strip()
    )


STYLE = (
    _styled("""
        text{font-family:system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:#1c2430}
        .title{font-size:16px;font-weight:600}
        .name{font-size:13px;font-weight:600}
        .small{font-size:11px;fill:#4b5766}
        .number{font-size:11px;paint-order:stroke;stroke:#fff;stroke-width:3px}
        .middle{text-anchor:middle}
        .end{text-anchor:end}
        .ground{fill:#fff}
        path{fill:none;stroke-linecap:butt}
        .head{stroke:none}
        .forward{stroke:#8a94a3}
        .forward.head{fill:#8a94a3}
        .zero{stroke:#8a94a3;stroke-dasharray:3 4}
        .zero.head{fill:#8a94a3}
        .broken{stroke:#d00000;stroke-dasharray:8 3}
        .broken.head{fill:#d00000}
        .frame{fill:#5b677710;stroke:#c3cad4}
        .box{stroke:#5b6777;stroke-width:1.2;fill:#f2f5f9}
        .box.data,.glassgrad-network .box.parameter{fill:#fff}
        .box.parameter{stroke-dasharray:4 2}
        .box.operation{fill:#fbfcfe;stroke:#8a94a3}
        .box.loss{fill:#e6ebf2;stroke-width:2}
        a:hover .box,.glassgrad-network a:focus .box{stroke-width:2.6}
    """)
    + _coloured(LIGHT)
    + "@media (prefers-color-scheme:dark){"
    + _styled("""
        text{fill:#e8ecf2}
        .small{fill:#b3bdca}
        .number{stroke:#14181f}
        .ground{fill:#14181f}
        .frame{fill:#b3bdca12;stroke:#3b4554}
        .box{stroke:#8793a3;fill:#232a34}
        .box.data,.glassgrad-network .box.parameter{fill:#14181f}
        .box.operation{fill:#1a2029}
        .box.loss{fill:#323c4a}
        .forward,.glassgrad-network .zero{stroke:#6d7888}
        .forward.head,.glassgrad-network .zero.head{fill:#6d7888}
        .broken{stroke:#ff6b6b}
        .broken.head{fill:#ff6b6b}
    """)
    + _coloured(DARK)
    + "}"
)
