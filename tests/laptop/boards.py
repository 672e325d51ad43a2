"""Manifests of a small chain: Order -> cook -> Dish, with a cook who may take his time."""

from pathlib import Path

BOARD = """
apiVersion: covey.dev/v1alpha1
kind: Blackboard
metadata: {name: kitchen}
spec:
  store: {memory: {}}
  lease: {ttl: 1s}
  artifactTypes:
    - name: Order
      schema:
        type: object
        required: [dish]
        properties: {dish: {type: string}}
        additionalProperties: false
    - name: Dish
      schema: {type: object, required: [name], properties: {name: {type: string}}}
"""

COOK = """
apiVersion: covey.dev/v1alpha1
kind: Agent
metadata: {name: cook}
spec:
  model: {name: recipes}
  output: {type: Dish}
  blackboard: {name: kitchen, consumes: [{types: [Order]}]}
  publishes: [{type: Dish}]
---
apiVersion: covey.dev/v1alpha1
kind: Model
metadata: {name: recipes}
spec:
  provider: Scripted
  script:
    - delay: DELAY
      reply: "${{'name': input.payload.dish}}"
"""


def kitchen(folder: Path, delay: str = "1ms") -> Path:
    """The folder with these manifests; the cook takes `delay` for each dish."""
    folder.mkdir(exist_ok=True)
    (folder / "board.yaml").write_text(BOARD)
    (folder / "cook.yaml").write_text(COOK.replace("DELAY", delay))
    return folder
