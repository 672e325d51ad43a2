"""A graph in layers whose arcs lead from one layer to the next: what ordering and alignment work on."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Extent:
    """The room that a vertex takes, in pixels from its middle."""

    left: float = 0
    right: float = 0
    height: float = 0
    bend: bool = False
    """Whether it is only a point that a long edge passes."""


@dataclass(slots=True)
class Mesh:
    """Vertices as numbers. `layers` holds them from top to bottom, each layer from left to right."""

    layers: list[list[int]] = field(default_factory=list)
    extents: list[Extent] = field(default_factory=list)
    above: list[list[int]] = field(default_factory=list)
    """The neighbours of each vertex in the layer above."""
    below: list[list[int]] = field(default_factory=list)

    loose: set[tuple[int, int]] = field(default_factory=set)
    """Arcs (upper, lower) by which links that close a loop touch boxes: nothing is aligned along them."""

    def add(self, extent: Extent, layer: int) -> int:
        """A vertex at the right end of the layer; returns its number."""
        while len(self.layers) <= layer:
            self.layers.append([])
        vertex = len(self.extents)
        self.layers[layer].append(vertex)
        self.extents.append(extent)
        self.above.append([])
        self.below.append([])
        return vertex

    def join(self, upper: int, lower: int) -> None:
        """An arc between two vertices of neighbouring layers."""
        self.below[upper].append(lower)
        self.above[lower].append(upper)

    def positions(self) -> list[int]:
        """The place of each vertex in its layer, from 0 at the left."""
        places = [0] * len(self.extents)
        for layer in self.layers:
            for place, vertex in enumerate(layer):
                places[vertex] = place
        return places
