"""The status of a Blackboard."""

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.compile.places import ClusterPlaces
from covey_operator.desired.blackboard import child_name
from covey_operator.desired.database import Database, databases_of, store_of, vector_of
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.observed.backup import backed_up
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.observed.workloads import first_unfinished, replicas, rollout
from covey_operator.plan import Children


def observe(board: BlackboardResource, children: Children, seen: ObservedExtras) -> Observation:
    """From the server's Deployment and the databases' StatefulSets."""
    name = child_name(board.name)
    key = Key("Deployment", board.namespace, name)
    server = _state(children, "Deployment", board, name)
    status: Object = server["status"] if server is not None else {}
    databases = databases_of(board)
    rollouts = [
        *(
            rollout(f"StatefulSet {each.name}", _of(children, board, each), seen.short.get(_key(board, each)))
            for each in databases
        ),
        rollout(f"Deployment {name}", server, seen.short.get(key)),
    ]
    serving = _is_ready(server)
    backup = backed_up(board, children, seen.jobs, seen.short)
    return Observation(
        fields={
            "storeReady": _store_ready(board, children, serving=serving),
            "vectorReady": _vector_ready(board, children, serving=serving),
            "replicas": status.get("readyReplicas", 0),
            "url": ClusterPlaces().blackboard(board.namespace, board.name),
        },
        rollout=first_unfinished(rollouts),
        replicas=replicas(server),
        more=(backup,) if backup is not None else (),
    )


def _store_ready(board: BlackboardResource, children: Children, *, serving: bool) -> bool:
    """One that is not ours to run is ready when the servers are: they are so only with their store."""
    store = store_of(board)
    return serving if store is None else _is_ready(_of(children, board, store))


def _vector_ready(board: BlackboardResource, children: Children, *, serving: bool) -> bool | None:
    """Of one that is not ours to run nobody knows."""
    if board.spec.vector is None:
        return None
    if board.spec.vector.pgvector.same_as_store is not None:
        return _store_ready(board, children, serving=serving)
    database = vector_of(board)
    return None if database is None else _is_ready(_of(children, board, database))


def _key(board: BlackboardResource, database: Database) -> Key:
    return Key("StatefulSet", board.namespace, database.name)


def _of(children: Children, board: BlackboardResource, database: Database) -> Object | None:
    return _state(children, "StatefulSet", board, database.name)


def _state(children: Children, kind: str, board: BlackboardResource, name: str) -> Object | None:
    child = children.get(Key(kind, board.namespace, name))
    return child.state if child is not None else None


def _is_ready(workload: Object | None) -> bool:
    return workload is not None and workload["status"].get("readyReplicas", 0) > 0
