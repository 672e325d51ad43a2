"""The status of a Blackboard."""

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.compile.places import ClusterPlaces
from covey_operator.desired import redis
from covey_operator.desired.blackboard import child_name, managed_store
from covey_operator.keys import Key
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import Seen
from covey_operator.observed.workloads import first_unfinished, rollout
from covey_operator.plan import Children
from covey_operator.resources import Object


def observe(board: BlackboardResource, children: Children, seen: Seen) -> Observation:
    """From the server's Deployment and the store's StatefulSet.

    A store that is not ours to run counts as ready when the servers are: they are ready only with a store.
    """
    del seen
    name, store_name = child_name(board.name), redis.child_name(board.name)
    server = children.get(Key("Deployment", board.namespace, name))
    status: Object = server.state["status"] if server is not None else {}
    ready = status.get("readyReplicas", 0)
    rollouts = [rollout(f"Deployment {name}", server.state if server is not None else None)]
    store_ready = ready > 0
    if managed_store(board) is not None:
        store = children.get(Key("StatefulSet", board.namespace, store_name))
        state = store.state if store is not None else None
        rollouts.insert(0, rollout(f"StatefulSet {store_name}", state))
        store_ready = state is not None and state["status"].get("readyReplicas", 0) > 0
    return Observation(
        fields={
            "storeReady": store_ready,
            "replicas": ready,
            "url": ClusterPlaces().blackboard(board.namespace, board.name),
        },
        rollout=first_unfinished(rollouts),
        running=status.get("replicas", 0) > 0,
    )
