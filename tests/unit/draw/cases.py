"""Flows that are drawn, each with the state of a run or without one."""

from dataclasses import dataclass
from typing import Any

import yaml

from agent_runtime.api.flow import FlowSpec
from agent_runtime.api.flowrun import NodeState
from agent_runtime.draw import Graph, Progress, graph_of, progress_of

HELLO = """
start: ask
nodes:
  - {name: ask, agent: polly, input: Hello, next: {default: volume}}
  - {name: volume, branch: [{when: params.loud, action: loud}], next: {loud: shout}}
  - {name: shout, llm: {model: {name: parrot}, prompt: hi}}
"""

REVIEW = """
start: research
nodes:
  - name: research
    map: {over: "${params.topics}", as: topic}
    agent: researcher
    input: {topic: "${topic}"}
    next: {default: merge}
  - {name: merge, reduce: {from: research, with: "${items}"}, next: {default: draft}}
  - {name: draft, agent: writer, input: "${shared.merge}", next: {default: review, failed: escalate}}
  - name: review
    approve: {prompt: "Shall this be published?", actions: [approve, retry, escalate], timeout: 24h}
    next: {approve: publish, retry: draft, escalate: escalate, timeout: escalate}
  - {name: escalate, http: {url: "https://desk.example.org/tickets"}, next: {default: review}}
  - {name: publish, python: {function: "newsroom.site:publish"}, retry: {maxAttempts: 3}}
"""

KINDS = """
start: route
nodes:
  - name: route
    branch:
      - {when: params.a, action: ask}
      - {when: params.b, action: think}
      - {when: params.c, action: count}
      - {when: params.d, action: call}
      - {when: params.e, action: sleep}
    next: {ask: ask, think: think, count: count, call: call, sleep: sleep, default: report}
  - {name: ask, agent: polly, input: hi, next: {default: join}}
  - {name: think, llm: {model: {name: parrot}, prompt: hi}, next: {default: join}}
  - {name: count, tool: {builtin: count_words}, next: {default: join, again: count}}
  - {name: call, http: {url: "https://example.org", method: GET}, next: {default: join}}
  - {name: sleep, wait: {duration: 2h}, next: {default: join}}
  - {name: report, flow: report, next: {default: join}}
  - {name: join, python: {function: "m:f"}, next: {default: fold}}
  - {name: fold, reduce: {from: ask, with: "${items}"}, next: {default: tell}}
  - {name: tell, publish: {blackboard: desk, type: Note, payload: {}}, next: {default: sign}}
  - {name: sign, approve: {prompt: "Well?"}, next: {reject: route}}
"""

LONG = """
start: a-name-of-a-node-that-is-as-long-as-a-dns-label-may-be-at-most
nodes:
  - name: a-name-of-a-node-that-is-as-long-as-a-dns-label-may-be-at-most
    approve:
      prompt: "Is all of this in order, so that it can be shown to everybody who waits for it since Monday?"
      actions: ["yes, it is in order as it stands", "no: it has to be written again from the start"]
    next:
      "yes, it is in order as it stands": is-it-what-they-have-been-waiting-for
      "no: it has to be written again from the start": again
  - {name: again, llm: {model: {name: a-model-of-a-provider-with-a-long-name}, prompt: p},
     next: {default: a-name-of-a-node-that-is-as-long-as-a-dns-label-may-be-at-most}}
  - name: is-it-what-they-have-been-waiting-for
    branch: [{when: "true", action: indeed}]
    next: {indeed: again}
"""

HOSTILE = """
start: end
nodes:
  - name: end
    approve:
      prompt: "\\"]; click n0 \\"javascript:x()\\"\\n%% <script>x()</script> ]]> &amp; #quot; `x` \\0 \\u202e"
      actions: ['"]--> x', "a\\nb|c", "<b>&", "end", "subgraph"]
    next: {'"]--> x': graph, "a\\nb|c": end, "<b>&": subgraph}
  - {name: graph, http: {url: 'https://x/?a="><img src=x onerror=alert(1)>&b={{c}}', method: GET}}
  - {name: subgraph, llm: {model: {name: class}, prompt: x}, next: {'style n0 fill:red;': end}}
"""

OUTER = """
start: gather
nodes:
  - {name: gather, map: {over: "${params.sources}"}, tool: {builtin: read_file}, next: {default: report}}
  - {name: report, flow: review, input: {}, next: {default: tell, failed: apologize}}
  - {name: tell, http: {url: "https://example.org/hook"}}
  - {name: apologize, llm: {model: {name: parrot}, prompt: sorry}}
"""


@dataclass(frozen=True)
class Case:
    """A flow by its YAML, the flows it may show inside, and the status of a run."""

    flow: str
    flows: tuple[str, ...] = ()
    nodes: tuple[dict[str, Any], ...] | None = None

    @property
    def graph(self) -> Graph:
        """What is drawn."""
        return graph_of(spec(self.flow), {name: spec(BY_NAME[name]) for name in self.flows})

    @property
    def progress(self) -> Progress | None:
        """How far the run is."""
        return None if self.nodes is None else progress_of(map(NodeState.model_validate, self.nodes))


def spec(text: str) -> FlowSpec:
    """The spec of a Flow from YAML."""
    return FlowSpec.model_validate(yaml.safe_load(text))


def node(name: str, state: str, action: str | None = None, visits: int = 1, **more: int) -> dict[str, Any]:
    """An entry of `status.nodes`."""
    return {"name": name, "state": state, "action": action, "visits": visits, **more}


BY_NAME = {"review": REVIEW}
_TO_REVIEW = (
    node("research", "Succeeded", "default"),
    node("merge", "Succeeded", "default"),
    node("draft", "Succeeded", "default", 3),
)
CASES = {
    "hello": Case(HELLO),
    "hello-ended": Case(HELLO, nodes=(node("ask", "Succeeded"), node("volume", "Succeeded", "default"))),
    "review": Case(REVIEW),
    "review-waiting": Case(
        REVIEW,
        nodes=(*_TO_REVIEW, node("escalate", "Succeeded", "default"), node("review", "Waiting", None, 4)),
    ),
    "review-failed": Case(
        REVIEW,
        nodes=(*_TO_REVIEW, node("review", "Succeeded", "approve"), node("publish", "Failed", attempts=3)),
    ),
    "review-cancelled": Case(REVIEW, nodes=(*_TO_REVIEW, node("review", "Cancelled", None, 4))),
    "kinds": Case(KINDS),
    "kinds-running": Case(
        KINDS, nodes=(node("route", "Succeeded", "count", 2), node("count", "Running", None, 12))
    ),
    "inner": Case(OUTER, ("review",)),
    "inner-running": Case(
        OUTER,
        ("review",),
        (
            node("gather", "Succeeded"),
            node("report", "Running"),
            node("report/research", "Succeeded", "default"),
            node("report/merge", "Running"),
        ),
    ),
    "long": Case(LONG),
    "hostile": Case(HOSTILE, nodes=(node("end", "Succeeded", "a\nb|c", 2),)),
}
