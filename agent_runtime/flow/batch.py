"""A node whose `exec` is called once for each item of what `prep` returned."""

from collections.abc import Iterator
from typing import Any

from agent_runtime.flow.node import Node


class BatchNode(Node):
    """Maps `exec` over the items of `prep`'s iterable, in order; each item has its own attempts and fallback.

    `post` gets the list of results. None is an empty batch.
    """

    def _exec(self, prep_res: Any) -> Any:
        return [self._exec_item(index, item) for index, item in enumerate(items_of(self, prep_res))]

    def _exec_item(self, index: int, item: Any) -> Any:
        """All attempts at one item; `index` is its place in the batch."""
        return super()._exec(item)


def items_of(node: Node, prep_res: Any) -> Iterator[Any]:
    """The items of a batch; None, or another falsy value that cannot be iterated, is an empty one.

    Raises TypeError, naming the node, for what is no iterable.
    """
    # Iterables are not asked for their truth: arrays and data frames refuse to answer.
    if prep_res is None or not (hasattr(prep_res, "__iter__") or prep_res):
        return iter(())
    try:
        return iter(prep_res)
    except TypeError:
        raise TypeError(
            f"The items of {type(node).__name__} are what its prep returned, {prep_res!r}, which is no "
            "iterable: return a list or another plain iterable"
        ) from None
