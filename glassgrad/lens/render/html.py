"""An explanation as a page: the network as a picture, each layer as a card, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from math import isfinite, log10

from glassgrad.graph import Formula
from glassgrad.lens.explanation import (
    ExplainedLayer,
    ExplainedUpdate,
    ExplainedWeight,
    Explanation,
    FollowedEntry,
    Line,
)
from glassgrad.lens.render.latex import factor, number
from glassgrad.lens.render.numbers import number_text
from glassgrad.lens.render.page import asset, formula, frame
from glassgrad.lens.render.story import (
    Passage,
    Skipped,
    change_in_words,
    flow,
    shortened,
    sum_in_words,
)
from glassgrad.lens.render.values import values_of

__all__ = ["anchor", "cell_of", "html_of"]

MOST_CONTRIBUTIONS = 200
CELL_HEIGHT = 640  # of a notebook's cell, in pixels


def html_of(explanation: Explanation) -> str:
    """Write an explanation as one page that carries everything in itself.

    Example:
        >>> from glassgrad import Variable, explain
        >>> text = html_of(explain((Variable(3.0, name="w") * 2.0).square()))
        >>> "<h1>Backpropagation: a loss</h1>" in text, "http://www.w3.org" in text
        (True, True)
    """
    return frame(
        f"Backpropagation: {explanation.title}",
        "\n".join(_Page(explanation).parts()),
        styles=asset("explanation.css"),
        scripts=asset("explanation.js"),
        mathematics=True,
    )


def cell_of(explanation: Explanation) -> str:
    """The page inside the cell of a notebook, where its style cannot reach what is around."""
    return (
        f'<iframe title="Backpropagation: {escape(explanation.title)}" '
        f'style="width:100%;height:{CELL_HEIGHT}px;border:1px solid #8884;border-radius:8px" '
        f'srcdoc="{escape(html_of(explanation))}"></iframe>'
    )


def anchor(name: str) -> str:
    """The identifier of a layer's card.

    Example:
        >>> anchor("block/attention/query")
        'layer-block-attention-query'
    """
    return "layer-" + "".join(one if one.isalnum() or one in "_-" else "-" for one in name)


class _Page:
    """Writes the parts of the page; every step of the tour gets the next number."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.told = [*shortened(explanation.layers)]
        self.cards = [layer for layer in self.told if isinstance(layer, ExplainedLayer)]
        self.anchors = _unique_anchors(self.cards)
        forward = [layer for layer in reversed(self.cards) if layer.forward]
        self.forward_steps = {id(layer): n for n, layer in enumerate(forward)}
        self.backward_steps = {id(layer): len(forward) + n for n, layer in enumerate(self.cards)}
        self.update_step = len(forward) + len(self.cards)

    def parts(self) -> Iterator[str]:
        """The page from its head to its end."""
        explanation = self.explanation
        loss = explanation.loss
        value = number_text(float(loss.value), 8)
        yield "<header class='top'>"
        yield f"<h1>Backpropagation: {escape(explanation.title)}</h1>"
        yield f"<p class='loss'>Loss {formula(loss.name.latex, loss.name.plain)} = {value}</p>"
        yield "</header>"
        yield self._tour()
        yield "<main>"
        yield from self._picture()
        yield from self._flow()
        for weight in explanation.weights:
            yield from _weight(weight)
        for entry in explanation.entries:
            yield from _entry(entry)
        yield "<details class='card' id='given'><summary>What is given: data and parameters"
        yield "</summary>"
        yield from map(_quantity, explanation.given)
        yield "</details>"
        yield "<h2 id='layers'>From the loss back, layer by layer</h2>"
        for layer in self.told:
            if isinstance(layer, Skipped):
                yield f"<p class='skipped'>… {escape(layer.sentence)}.</p>"
            else:
                yield from self._card(layer)
        yield from self._updates(explanation.updates)
        yield "<h2 id='notes'>Good to know</h2>"
        yield "<ul>"
        yield from (f"<li>{escape(note)}</li>" for note in explanation.notes)
        yield "<li>Every formula is the chain rule that the engine runs, printed.</li>"
        yield "</ul>"
        yield "</main>"

    def _tour(self) -> str:
        links = "".join(
            f"<li><a href='#{self.anchors[id(layer)]}'>{escape(layer.name)}</a></li>"
            for layer in self.cards
        )
        return (
            "<nav class='tour' aria-label='Steps and layers'><div class='inner'>"
            "<button type='button' id='previous' aria-keyshortcuts='ArrowLeft'>"
            "<span aria-hidden='true'>←</span><span class='word'> Back</span></button>"
            "<p id='where' aria-live='polite'>Use the arrow keys</p>"
            "<button type='button' id='next' aria-keyshortcuts='ArrowRight'>"
            "<span class='word'>Next </span><span aria-hidden='true'>→</span></button>"
            f"<details class='contents'><summary>Layers</summary><ol>{links}</ol></details>"
            "</div></nav>"
        )

    def _picture(self) -> Iterator[str]:
        picture = self.explanation.picture
        if picture is None:
            return
        links = {layer.name: f"#{self.anchors[id(layer)]}" for layer in self.cards}
        yield "<h2 id='picture'>The network, and the gradient on its way back</h2>"
        yield f"<figure class='picture wide'>{replace(picture, links=links).svg}</figure>"

    def _flow(self) -> Iterator[str]:
        passages = flow(self.explanation)
        if len(passages) < 2:
            return
        sizes = [passage.incoming or 0.0 for passage in passages]
        largest = max(filter(isfinite, sizes), default=0.0)
        yield "<h2 id='flow'>How large the gradient is</h2>"
        yield "<div class='wide'><table class='flow'><thead><tr><th>layer</th>"
        yield "<th class='number'>comes in</th><th class='bar' aria-hidden='true'></th>"
        yield "<th class='number'>goes out</th><th class='number'>factor</th>"
        yield "<th class='number'>of its parameters</th></tr></thead><tbody>"
        for passage in passages:
            yield self._passage(passage, largest)
        yield "</tbody></table></div>"
        bars = "<span class='bars'>; the bars are logarithmic</span>"
        yield f"<p class='soft'>Euclidean norms{bars}.</p>"

    def _passage(self, passage: Passage, largest: float) -> str:
        known = {layer.name: self.anchors[id(layer)] for layer in self.cards}
        name = escape(passage.name)
        if passage.name in known:
            name = f"<a href='#{known[passage.name]}'>{name}</a>"
        bar = _logarithmic(passage.incoming, largest)
        return (
            f"<tr><th scope='row'>{name}</th>{_cell(passage.incoming)}"
            f"<td class='bar' aria-hidden='true'><i style='width:{bar:.0f}%'></i></td>"
            f"{_cell(passage.outgoing)}{_cell(passage.factor)}{_cell(passage.parameters)}</tr>"
        )

    def _card(self, layer: ExplainedLayer) -> Iterator[str]:
        kind = f" <span class='kind'>{escape(layer.kind)}</span>" if layer.kind else ""
        yield f"<section class='card' id='{self.anchors[id(layer)]}'>"
        yield f"<h3>{escape(layer.name)}{kind}</h3>"
        if layer.forward:
            step = self.forward_steps[id(layer)]
            title = f"Forward through {escape(layer.name)}"
            yield f"<div class='part' data-step='{step}' data-title='{title}'><h4>Forward</h4>"
            yield from map(_quantity, layer.forward)
            yield "</div>"
        step = self.backward_steps[id(layer)]
        title = f"Backward through {escape(layer.name)}"
        yield f"<div class='part back' data-step='{step}' data-title='{title}'><h4>Backward</h4>"
        for line in layer.incoming:
            yield _quantity(line, "comes in")
        yield from map(_quantity, layer.rules)
        words = change_in_words(layer)
        if words:
            yield f"<p class='change'>{escape(words[0].upper() + words[1:])}.</p>"
        yield "</div></section>"

    def _updates(self, updates: Sequence[ExplainedUpdate]) -> Iterator[str]:
        if not updates:
            return
        first = updates[0]
        yield f"<h2 id='update'>The update <span class='kind'>{escape(first.optimizer)}</span></h2>"
        yield "<section class='card'>"
        yield f"<div class='part' data-step='{self.update_step}' data-title='The update'>"
        for line in first.lines:
            if not (line.label == "given" and line.name.plain.startswith("dL/")):
                yield _quantity(line)
        yield "</div>"
        if len(updates) > 1:
            yield "<p>Every parameter goes the same way.</p>"
            yield "<div class='wide'><table><thead><tr><th>parameter</th>"
            yield "<th class='number'>its norm</th><th class='number'>moves by</th>"
            yield "</tr></thead><tbody>"
            for update in updates:
                name = formula(update.name.latex, update.name.plain)
                size, moved = _cell(update.size), _cell(update.moved)
                yield f"<tr><th scope='row'>{name}</th>{size}{moved}</tr>"
            yield "</tbody></table></div>"
        yield "</section>"


def _unique_anchors(layers: Sequence[ExplainedLayer]) -> dict[int, str]:
    """An identifier for each card; a layer that is passed twice has two cards."""
    taken: dict[str, int] = {}
    found = {}
    for layer in layers:
        name = anchor(layer.name)
        taken[name] = taken.get(name, 0) + 1
        found[id(layer)] = name if taken[name] == 1 else f"{name}-{taken[name]}"
    return found


def _quantity(line: Line, remark: str = "") -> str:
    """A formula with its value: a number beside it, or what can be unfolded."""
    right = line.formula
    latex = line.name.latex if right is None else f"{line.name.latex} = {right.latex}"
    latex = rf"\displaystyle {latex}"
    plain = line.name.plain if right is None else f"{line.name.plain} = {right.plain}"
    said = f"<span class='remark'>{escape(remark)}</span>" if remark else ""
    if line.value.size == 1:
        value = number_text(float(line.value.reshape(())), 10)
        return (
            f"<div class='quantity'>{formula(latex, plain)} "
            f"<span class='value'>= {value}</span> {said}</div>"
        )
    shape = " × ".join(map(str, line.shape))
    facts = f"<span class='facts'>{shape}, norm {number_text(line.norm, 4)}</span>"
    return (
        f"<div class='quantity'>{formula(latex, plain)} {facts} {said}"
        f"{values_of(line.value, line.name.plain)}</div>"
    )


def _weight(weight: ExplainedWeight) -> Iterator[str]:
    gradient = formula(weight.gradient.latex, weight.gradient.plain)
    yield f"<h2>{gradient} as a product along the path</h2>"
    for product in weight.products:
        cells = [
            f"<li><span class='name'>{_large(one.name)}</span>"
            f"<span class='is'>{formula(one.formula.latex, one.formula.plain)}</span>"
            f"<span class='value'>{number_text(one.value, 15)}</span></li>"
            for one in product.factors
        ]
        yield f"<ol class='product'>{''.join(cells)}</ol>"
        numbers = r" \cdot ".join(factor(one.value) for one in product.factors)
        plain = " · ".join(number_text(one.value, 15) for one in product.factors)
        result = number(product.value, 15)
        whole = formula(f"{numbers} = {result}", f"{plain} = {product.value:.15g}")
        yield f"<p>{whole}</p>"  # not displayed by itself: on a phone it has to break
    gap = number_text(abs(weight.difference - weight.value), 2)
    if len(weight.products) > 1:
        yield f"<p>The sum over {len(weight.products)} paths: {weight.value:.15g}</p>"
    yield (
        f"<p class='proof'>The central difference of the loss is "
        f"{number_text(weight.difference, 12)}: apart by {gap}.</p>"
    )


def _large(name: Formula) -> str:
    return formula(rf"\displaystyle {name.latex}", name.plain)


def _entry(entry: FollowedEntry) -> Iterator[str]:
    yield f"<h2><code>{escape(entry.name)}</code>, number by number</h2>"
    rule = formula(entry.rule.latex, entry.rule.plain)
    value = number_text(entry.weight_value)
    yield f"<p><code>{escape(entry.weight)}</code> is {value}; the rule: {rule}</p>"
    if entry.contributions:
        yield from _contributions(entry)
    words = sum_in_words(entry)
    yield f"<p class='soft'>{words[0].upper()}{words[1:]}.</p>"


def _contributions(entry: FollowedEntry) -> Iterator[str]:
    yield "<div class='wide tall' tabindex='0'><table><thead><tr><th>comes in</th>"
    yield "<th class='number'></th><th>times</th><th class='number'></th>"
    yield "<th class='number'>adds</th></tr></thead><tbody>"
    for one in entry.contributions[:MOST_CONTRIBUTIONS]:
        operand = f"<code>{escape(one.operand)}</code>" if one.operand else "local derivative"
        yield (
            f"<tr><td><code>{escape(one.incoming)}</code></td>{_cell(one.gradient)}"
            f"<td>{operand}</td>{_cell(one.derivative)}{_cell(one.product)}</tr>"
        )
    rest = entry.contributions[MOST_CONTRIBUTIONS:]
    if rest:
        added = _cell(sum(one.product for one in rest))
        yield f"<tr><td colspan='4'>… {len(rest):,} more</td>{added}</tr>"
    yield f"</tbody><tfoot><tr><th colspan='4'>sum</th>{_cell(entry.value)}</tr></tfoot>"
    yield "</table></div>"


def _cell(value: float | None) -> str:
    return f"<td class='number'>{'–' if value is None else number_text(value, 4)}</td>"


def _logarithmic(value: float | None, largest: float, decades: float = 6.0) -> float:
    """The length of a bar in percent: each decade below the largest takes the same away."""
    if not value or not value > 0:
        return 0.0
    if not isfinite(value):
        return 100.0
    return max(0.0, 100 * (1 + log10(value / largest) / decades))
