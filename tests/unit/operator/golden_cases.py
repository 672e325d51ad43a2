"""The resources whose children are kept as golden manifests."""

from tests.unit.operator.worlds import AGENT, FLOW, IDEA, RUN, Object, resource

_MODEL = {"model": {"name": "fast"}}
_POD: Object = {
    "image": "registry.example/own-runtime:7",
    "imagePullSecrets": [{"name": "registry"}],
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "envFrom": [{"configMapRef": {"name": "settings"}}],
    "volumes": [{"name": "library", "configMap": {"name": "library"}}],
    "volumeMounts": [{"name": "library", "mountPath": "/input"}],
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "labels": {"team": "desk"},
    "annotations": {"note": "mine"},
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
}
_PLACE: Object = {
    "name": "newsroom",
    "labels": ["clearance:secret"],
    "tenant": "acme",
    "consumes": [{"types": ["Idea"]}],
}
_TYPES = {"artifactTypes": [IDEA]}
_FAST_DISK = {"nodeSelector": {"disk": "fast"}}

_TELLS: Object = {
    "name": "tell",
    "publish": {"blackboard": "newsroom", "type": "Idea", "payload": {"title": "Bees"}},
    "next": {"default": "tell-acme"},
}
_ALSO_TELLS: Object = {
    "name": "tell-acme",
    "publish": {"blackboard": "newsroom", "tenant": "acme", "type": "Idea", "payload": {"title": "Ants"}},
}

CASES: dict[str, Object] = {
    "agent": AGENT,
    "agent-with-everything": resource(
        "Agent",
        "editor",
        {
            "instructions": "Be strict.",
            "model": {"name": "paid"},
            "tools": [{"builtin": "read_file"}],
            "blackboard": _PLACE,
            "publishes": [{"type": "Idea"}],
            "serving": {"replicas": 3},
            "pod": _POD,
        },
    ),
    "agent-suspended": resource("Agent", "sleeper", {**_MODEL, "suspend": True, "serving": {"replicas": 2}}),
    "agent-for-anybody": resource("Agent", "greeter", {**_MODEL, "serving": {"auth": {"none": {}}}}),
    "blackboard-in-memory": resource("Blackboard", "scratch", {"store": {"memory": {}}, **_TYPES}),
    "blackboard-with-redis": resource(
        "Blackboard",
        "archive",
        {
            "store": {"redis": {"managed": {"storage": "5Gi", "storageClassName": "fast"}}},
            "server": {"replicas": 2},
            "deletionPolicy": "Delete",
            **_TYPES,
        },
    ),
    "blackboard-with-your-redis": resource(
        "Blackboard",
        "shared",
        {
            "store": {
                "redis": {"external": {"urlFrom": {"secretKeyRef": {"name": "provider", "key": "api-key"}}}}
            },
            **_TYPES,
        },
    ),
    "blackboard-with-your-postgres": resource(
        "Blackboard",
        "ledger",
        {
            "store": {
                "postgres": {
                    "external": {"urlFrom": {"secretKeyRef": {"name": "provider", "key": "api-key"}}}
                }
            },
            "server": {"replicas": 2},
            **_TYPES,
        },
    ),
    "blackboard-with-postgres": resource(
        "Blackboard",
        "journal",
        {
            "store": {"postgres": {"managed": {"storage": "20Gi", "pod": _FAST_DISK}}},
            "vector": {"pgvector": {"sameAsStore": {}}},
            "backup": {"schedule": "0 3 * * *", "to": {"pvc": {"claimName": "copies"}}},
            **_TYPES,
        },
    ),
    "blackboard-with-vectors": resource(
        "Blackboard",
        "library",
        {
            "store": {"memory": {}},
            "vector": {"pgvector": {"managed": {"storageClassName": "fast"}}},
            "deletionPolicy": "Delete",
            **_TYPES,
        },
    ),
    "blackboard-with-your-vectors": resource(
        "Blackboard",
        "atlas",
        {
            "store": {"redis": {"managed": {}}},
            "vector": {
                "pgvector": {
                    "external": {"urlFrom": {"secretKeyRef": {"name": "provider", "key": "api-key"}}}
                }
            },
            **_TYPES,
        },
    ),
    "flow-with-workers": resource(
        "Flow",
        "report",
        {
            **FLOW["spec"],
            "run": {"backend": "Queue"},
            "serve": {"replicas": 2, "concurrency": 4, "pod": {"nodeSelector": {"disk": "fast"}}},
        },
    ),
    "flow-run": RUN,
    "flow-run-that-publishes": resource(
        "FlowRun", "tuesday", {"flowSpec": {"start": "tell", "nodes": [_TELLS, _ALSO_TELLS]}}
    ),
    "flow-with-workers-that-publish": resource(
        "Flow",
        "digest",
        {
            "start": "tell",
            "nodes": [_TELLS, _ALSO_TELLS],
            "run": {"backend": "Queue"},
            "serve": {"replicas": 1},
        },
    ),
}
