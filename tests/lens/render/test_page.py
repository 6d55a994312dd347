"""The page opens in a browser without network, without complaints, and sets every formula."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from glassgrad.layers import Dense, Input
from glassgrad.lens import explain
from glassgrad.lens.render.html import anchor, html_of
from glassgrad.lens.render.page import formula, page
from glassgrad.models import Sequential
from tests.lens.render.networks import NETWORKS, explanation

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
UNCLOSED = {"meta", "br", "img", "input", "link", "hr"}
FROM_OUTSIDE = re.compile(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\((?!data:)|@import""")


class Balance(HTMLParser):
    """Finds elements that are not closed, and identifiers that are given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.identifiers: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("id"):
            self.identifiers.append(str(named["id"]))
        if str(named.get("href")).startswith("#"):
            self.targets.append(str(named["href"])[1:])
        if tag not in UNCLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in UNCLOSED:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_is_whole_and_carries_everything(name: str) -> None:
    text = html_of(explanation(name))
    balance = Balance()
    balance.feed(text)
    assert not balance.open
    assert len(set(balance.identifiers)) == len(balance.identifiers)
    assert set(balance.targets) <= set(balance.identifiers)
    assert not FROM_OUTSIDE.search(text)
    assert len(text) < 1_500_000


def test_a_name_cannot_break_the_page() -> None:
    assert anchor("a<b>/c d") == "layer-a-b--c-d"
    assert "<script>alert" not in page("<script>alert(1)</script>", "")
    assert formula('"<', "<b>") == '<span class="math" data-tex="&quot;&lt;">&lt;b&gt;</span>'


@pytest.mark.parametrize("number", [np.inf, np.nan])
def test_gradients_that_are_not_finite_are_shown(number: float) -> None:
    model = Sequential([Input((3,)), Dense(2, "relu"), Dense(1)])
    model.compile("sgd", "mse")
    model.set_weights([np.full_like(weight, number) for weight in model.get_weights()])
    text = html_of(explain(model, np.ones((2, 3)), np.ones((2, 1))))
    assert "nan" in text.lower()


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    cell = explanation("dense")._repr_html_()
    assert cell.startswith("<iframe")
    assert cell.count("<") == 2  # everything inside is escaped


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
def test_a_browser_opens_it_without_network_and_without_complaint(tmp_path: Path) -> None:
    path = explanation("sequences").save(tmp_path / "page.html")
    opened = subprocess.run(
        [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=8000",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in opened.stderr
    assert 'class="katex"' in opened.stdout
    assert 'class="katex-error"' not in opened.stdout
    unset = re.findall(r'<span class="math[^"]*" data-tex="[^"]*">[^<]', opened.stdout)
    assert not unset
