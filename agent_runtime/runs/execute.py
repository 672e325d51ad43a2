"""Runs a flow from where it stands to its end, or to where it has to wait."""

import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from functools import cache
from http.cookiejar import DefaultCookiePolicy

import httpx2 as httpx

from agent_runtime.api.base import seconds
from agent_runtime.api.flowrun import Answer
from agent_runtime.compile.flows.literal_headers import revealed_from
from agent_runtime.compile.flows.subflows import every_node
from agent_runtime.config.models import RunConfig
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import RunStore, StoreError
from agent_runtime.durable.session import worker_id
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.answers import Answers
from agent_runtime.runs.deadline import Deadline
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.functions import Functions
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.port import AskAgent, Publish
from agent_runtime.runs.publishing import nowhere
from agent_runtime.runs.segment import Segment
from agent_runtime.runs.state import RunState, Services
from agent_runtime.telemetry import metrics, traces
from agent_runtime.telemetry.events import Observer, unobserved
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox

PATIENCE = 60.0
"""Seconds that a run store which is away is waited for."""


async def execute(
    config: RunConfig,
    *,
    models: Mapping[str, ModelClient],
    ask_agent: AskAgent,
    publish: Publish = nowhere,
    tools: Toolbox | None = None,
    store: RunStore | None = None,
    answers: Sequence[Answer] = (),
    leg: str | None = None,
    holder: str | None = None,
    take_over: bool = False,
    patience: float = PATIENCE,
    clock: Clock = SYSTEM_CLOCK,
    observer: Observer = unobserved,
    environ: Mapping[str, str] = os.environ,
    functions: Functions | None = None,
) -> Outcome:
    """Run the flow until it ends or has to wait. Failures are part of the outcome.

    With a `store`, which is open, a run that is under way goes on where it stood, and one that has ended is
    not run again. `answers` are all that were given so far. `leg` names the orchestrator's attempt of which
    this process is one, such as a Job's name, so that a repeated process can be told from the next one.
    `take_over` when the process before this one has certainly ended. `models` by the names in the flow;
    `tools` None: the builtin ones, on the input folder of the environment, where secret headers are too.
    `functions` None: those that the image declares.

    Raises Interrupted when the process must stop, and CancelledError: the run can go on elsewhere.
    """
    config = revealed_from(config, environ)
    toolbox = tools or Toolbox(BUILTIN.values(), ToolContext.from_environ(environ, clock))
    async with http_client(any(node.http for node in every_node(config.flow, config.flows))) as http:
        may_call = functions or Functions.of_image()
        services = Services(
            models,
            ask_agent,
            toolbox,
            http,
            environ,
            clock,
            store,
            observer,
            may_call,
            publish,
            config.publisher or "",
        )
        state = RunState(
            run=config.run_id,
            name=config.name,
            flow=config.flow_name,
            namespace=config.namespace,
            services=services,
            deadline=Deadline(seconds(config.flow.run.deadline), clock),
            answers=Answers(answers),
            holder=holder or worker_id(),
            leg=leg,
        )
        run = Segment(config, state, take_over=take_over, patience=patience)
        try:
            with metrics.FLOW_RUNS_IN_PROGRESS.labels(config.flow_name).track_inprogress(), _span(config):
                return await run.go()
        except StoreError as error:
            metrics.FLOW_RUNS.labels(config.flow_name, "interrupted").inc()
            state.tell("run.interrupted", f"stops, and can be resumed: {error}")
            raise Interrupted(str(error)) from error


def _span(config: RunConfig) -> AbstractContextManager[object]:
    """Around what this process does of the run; it goes on with the trace of what set the run off."""
    trace = config.traceparent
    if not traces.enabled():
        return traces.continued(trace)
    about = {traces.FLOW: config.flow_name, traces.RUN: config.name}
    headers = {} if trace is None else {traces.HEADER: trace}
    return traces.span(f"invoke_workflow {config.flow_name}", about, headers=headers)


@asynccontextmanager
async def http_client(wanted: bool) -> AsyncIterator[httpx.AsyncClient | None]:
    """For the requests of nodes, as many at once as they ask for; None when it is not wanted."""
    if not wanted:
        yield None
        return
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), verify=_tls()) as client:
        # A process that goes on with the run would not have the cookies: nodes talk through the store alone.
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield client


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than many a run."""
    return httpx.create_ssl_context()
