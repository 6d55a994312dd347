"""A start that is symmetric: units that begin equal, and stay so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import Facts, LayerFacts, ParameterFacts, Reading
from glassgrad.lens.doctor.finding import Evidence, Finding

__all__ = ["alike_embeddings", "alike_units"]

WEIGHTED = ("hidden", "recurrent", "attention", "embedding", "output")
AT_REST = ("relu", "relu6")  # activations with the slope 0 at 0

SAME = 1e-6  # deviations of predictions up to here are rounding

CERTAIN = 0.95
LIKELY = 0.85


@dataclass(frozen=True)
class Chain:
    """The layers of a network, and what reads what.

    Args:
        facts: of the network.
    """

    facts: Facts

    @cached_property
    def parameters(self) -> Mapping[str, ParameterFacts]:
        """By their names."""
        return {one.name: one for one in self.facts.parameters}

    @cached_property
    def readers(self) -> Mapping[str, list[LayerFacts]]:
        """By the name of a call, those that read its result."""
        found: dict[str, list[LayerFacts]] = {}
        for layer in self.facts.layers:
            for name in layer.inputs:
                found.setdefault(name, []).append(layer)
        return found

    def of_kind(self, layer: LayerFacts, kind: str) -> list[ParameterFacts]:
        """The parameters of a layer that are of a kind."""
        known = (self.parameters.get(name) for name in layer.parameters)
        return [one for one in known if one is not None and one.kind == kind]

    def way(self, layer: LayerFacts) -> list[LayerFacts]:
        """What the result of a layer goes through, alone, up to the next layer with weights.

        It ends where results are put together, and where two layers read one.
        """
        found: list[LayerFacts] = []
        here = layer
        while True:
            readers = self.readers.get(here.name, [])
            if len(readers) != 1 or len(readers[0].inputs) != 1:
                return found
            here = readers[0]
            found.append(here)
            if here.role in WEIGHTED:
                return found


def alike_units(facts: Facts) -> Iterator[Finding]:
    """Hidden layers whose units all begin with the same weights.

    The last layer may begin at zero, and so may the end of a branch that is added to what goes
    past it: what is before them breaks the symmetry.
    """
    chain = Chain(facts)
    found = [
        (layer, confidence)
        for layer in facts.layers
        if layer.role in ("hidden", "recurrent") and (confidence := _is_stuck(chain, layer))
    ]
    if not found:
        return
    layer, confidence = max(found, key=lambda one: one[1])
    activation = _activation(chain, layer)
    alone = layer.name if len({one.name for one, _ in found}) == 1 else None
    which = f"the {layer.units} units of {layer.name}" if alone else _several(found)
    yield Finding(
        "bad_initialization",
        f"All weights of {which} begin equal: the units of a layer compute the same, get the same "
        "gradient, and learn the same.",
        (Evidence("different units in the layer", 1.0, float(layer.units), "<"),),
        (
            remedies.another_initializer(
                remedies.matched_initializer(activation) if alone else None, alone
            ),
            remedies.unit_variance(),
        ),
        alone,
        confidence=confidence,
    )


def _several(found: list[tuple[LayerFacts, float]]) -> str:
    return f"each of {len(found)} hidden layers, {found[0][0].name} first,"


def _is_stuck(chain: Chain, layer: LayerFacts) -> float:
    """How sure it is that the units of a layer stay alike; 0 where they are not, or may part."""
    kernels = [one for one in chain.of_kind(layer, "kernel") if one.trainable]
    if not kernels or not all(one.identical_units for one in kernels):
        return 0.0
    way = chain.way(layer)
    ahead = chain.of_kind(way[-1], "kernel") if way else []
    if any(one.rms > 0 for one in kernels):
        is_masked = any(one.kind == "Dropout" for one in way)
        is_symmetric = bool(ahead) and all(one.constant for one in ahead)
        return CERTAIN if is_symmetric and not is_masked else LIKELY
    is_pair = bool(ahead) and all(one.rms == 0 for one in ahead)
    return CERTAIN if is_pair or _is_at_rest(chain, layer) else 0.0


def _is_at_rest(chain: Chain, layer: LayerFacts) -> bool:
    """Whether nothing but 0 enters an activation that has no slope there."""
    is_without_bias = all(one.rms == 0 for one in chain.of_kind(layer, "bias"))
    is_hidden = layer.role == "hidden"
    return is_hidden and is_without_bias and _activation(chain, layer) in AT_REST


def _activation(chain: Chain, layer: LayerFacts) -> str | None:
    """The activation of a layer, or of the next one that has no weights."""
    for one in (layer, *chain.way(layer)):
        if one is not layer and one.role in (*WEIGHTED, "normalization"):
            return None
        if one.activation not in (None, "linear"):
            return one.activation
    return None


def alike_embeddings(facts: Facts, first: Reading | None) -> Iterator[Finding]:
    """Tables in which every token begins as the same vector, where nothing else is known of it.

    A network whose predictions differ all the same sees the tokens in another way.
    """
    if first is not None and (first.output_deviation or 0.0) > SAME:
        return
    chain = Chain(facts)
    entrances = [one for one in facts.layers if not one.inputs and one.role in WEIGHTED]
    tables = [table for one in entrances for table in _tables(chain, one)]
    if not tables or any(one.role != "embedding" for one in entrances):
        return
    if all(table.constant and table.trainable and table.shape[-1] > 1 for table in tables):
        layer = entrances[0]
        yield Finding(
            "bad_initialization",
            f"All {tables[0].shape[0]} vectors of {layer.name} begin equal, so that every example "
            "looks the same to the layers behind it.",
            (Evidence("different vectors in the table", 1.0, float(tables[0].shape[0]), "<"),),
            (remedies.another_initializer("random_uniform", layer.name),),
            layer.name,
            confidence=LIKELY,
        )


def _tables(chain: Chain, layer: LayerFacts) -> list[ParameterFacts]:
    """What tells tokens apart; places may begin alike."""
    tables = chain.of_kind(layer, "embedding")
    is_of_places = layer.kind == "PositionEmbedding"
    return [] if is_of_places else [one for one in tables if "position" not in one.name]
