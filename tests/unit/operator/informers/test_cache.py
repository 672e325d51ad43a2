"""The cache: for whom is it news?"""

from contextlib import suppress

import pytest

from covey_operator.informers.cache import Cache
from covey_operator.kube import echoes
from covey_operator.kube.keys import Key, key_of
from tests.unit.operator.worlds import AGENT, FAST, PROVIDER, Object, child, manifests

AGENT_KEY, MODEL_KEY, SECRET_KEY = key_of(AGENT), key_of(FAST), key_of(PROVIDER)


def at(obj: Object, version: int, **metadata: object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version), **metadata}}


def live(obj: Object, version: int = 1) -> Object:
    return at(obj, version, uid=f"uid-of-{obj['kind']}")


def test_a_resource_is_news_for_itself_until_the_same_version_comes_again() -> None:
    cache = Cache()
    assert cache.put(at(AGENT, 5)) == {AGENT_KEY}
    assert cache.put(at(AGENT, 5)) == set()
    assert cache.put(at(AGENT, 4)) == set()
    assert cache.put(at(AGENT, 6)) == {AGENT_KEY}


def test_what_is_referenced_is_news_for_its_users_before_it_is_there_and_after_it_has_gone() -> None:
    cache = Cache()
    cache.put(at(AGENT, 1))
    cache.refer(AGENT_KEY, frozenset({MODEL_KEY}))
    assert cache.put(at(FAST, 2)) == {MODEL_KEY, AGENT_KEY}
    assert cache.drop(at(FAST, 3)) == {MODEL_KEY, AGENT_KEY}
    assert cache.put(at(FAST, 4)) == {MODEL_KEY, AGENT_KEY}


def test_the_status_of_a_resource_is_no_news_for_its_users() -> None:
    cache = Cache()
    cache.refer(AGENT_KEY, frozenset({MODEL_KEY}))
    cache.put(at(FAST, 1))
    assert cache.put({**at(FAST, 2), "status": {"conditions": []}}) == {MODEL_KEY}
    assert cache.put(at(FAST, 3, generation=2)) == {MODEL_KEY, AGENT_KEY}
    assert cache.put(at(FAST, 4, generation=2, deletionTimestamp="now")) == {MODEL_KEY, AGENT_KEY}


def test_who_no_longer_refers_hears_nothing_more() -> None:
    cache = Cache()
    cache.refer(AGENT_KEY, frozenset({MODEL_KEY, SECRET_KEY}))
    cache.refer(AGENT_KEY, frozenset({SECRET_KEY}))
    assert cache.put(at(FAST, 1)) == {MODEL_KEY}
    assert cache.put(at(PROVIDER, 2)) == {AGENT_KEY}


def test_a_child_is_news_for_its_owner() -> None:
    cache = Cache()
    deployment = live(child(AGENT, "Deployment"))
    assert cache.put(deployment) == {AGENT_KEY}
    assert cache.put(deployment) == set()
    assert set(cache.children("uid-of-researcher")) == {key_of(deployment)}
    assert cache.drop(at(deployment, 2)) == {AGENT_KEY}
    assert cache.children("uid-of-researcher") == {}


def test_the_end_of_an_earlier_object_does_not_end_the_one_made_since() -> None:
    cache = Cache()
    deployment = live(child(AGENT, "Deployment"), version=20)
    cache.put(deployment)
    assert cache.drop(at(deployment, 15)) == set()
    assert cache.child(key_of(deployment)) is not None


def test_the_echo_of_a_write_is_no_news_for_who_writes_and_a_later_change_is() -> None:
    told: list[Key] = []
    cache = Cache(told.append)
    secret = child(AGENT, "Secret")
    user = Key("Agent", "news", "another")
    cache.refer(user, frozenset({key_of(secret)}))
    with cache.writing(key_of(secret), AGENT_KEY, expects=lambda answer: True) as answered:
        assert cache.put(live(secret, version=5), whole=False) == {user}
        answered(live(secret, version=5))
    assert told == [user]
    with cache.writing(key_of(secret), AGENT_KEY, expects=lambda answer: True) as answered:
        answered(live(secret, version=6))
        assert cache.put(live(secret, version=7), whole=False) == {user}
        assert cache.version(key_of(secret)) == 7
    assert told == [user, user, user, AGENT_KEY]
    assert cache.put(live(secret, version=8), whole=False) == {AGENT_KEY, user}


@pytest.mark.parametrize("first", ["watch", "answer"])
def test_an_answer_that_shows_more_than_the_pass_knew_is_news_for_it(first: str) -> None:
    """The edit is version 299, our write 300: the watch shows both later, when they are no news any more."""
    told: list[Key] = []
    cache = Cache(told.append)
    read, status = at(FAST, 298, generation=3), {"observedGeneration": 3}
    answer = {**at(FAST, 300, generation=4), "status": status}
    cache.refer(AGENT_KEY, frozenset({MODEL_KEY}))
    cache.put(read)
    told.clear()
    with cache.writing(MODEL_KEY, MODEL_KEY, expects=echoes.of_status(read, status)) as answered:
        if first == "watch":
            cache.put(answer)
        answered(answer)
    assert set(told) == {MODEL_KEY, AGENT_KEY}
    assert cache.put(at(FAST, 299, generation=4)) == cache.put(answer) == set()


def test_a_write_that_has_no_answer_hides_nothing() -> None:
    told: list[Key] = []
    cache = Cache(told.append)
    cache.put(at(FAST, 1))
    told.clear()
    with suppress(OSError), cache.writing(MODEL_KEY, MODEL_KEY, expects=lambda answer: True):
        assert cache.put(at(FAST, 2, generation=2)) == set()
        raise OSError
    assert told == [MODEL_KEY]


def test_an_answer_that_changed_nothing_is_no_news_even_when_it_is_not_as_expected() -> None:
    """Else a status that the API server stores in another shape would be written again and again."""
    told: list[Key] = []
    cache = Cache(told.append)
    cache.put(at(FAST, 1))
    told.clear()
    with cache.writing(MODEL_KEY, MODEL_KEY) as answered:
        answered(at(FAST, 1))
    assert told == []


def test_an_answer_does_not_bring_back_what_the_watch_has_seen_end() -> None:
    cache = Cache()
    deployment = live(child(AGENT, "Deployment"), version=5)
    key = key_of(deployment)
    with cache.asking(key):
        cache.put(deployment)
        assert cache.drop(at(deployment, 6)) == {AGENT_KEY}
        assert cache.put(deployment) == set()
        assert (cache.child(key), cache.version(key)) == (None, 6)
    assert cache.version(key) == -1
    assert cache.put(live(deployment, version=8)) == {AGENT_KEY}


def test_a_child_that_loses_our_label_is_news_for_its_owner() -> None:
    cache = Cache()
    service = live(child(AGENT, "Service"))
    cache.put(service)
    assert cache.put(at(service, 2, labels={})) == {AGENT_KEY}
    assert cache.child(key_of(service)) is None


def test_secrets_are_kept_whole_only_while_somebody_uses_them() -> None:
    cache = Cache()
    cache.put(at(PROVIDER, 1))
    assert cache.is_present(SECRET_KEY)
    assert cache.content(SECRET_KEY) is None
    cache.refer(AGENT_KEY, frozenset({SECRET_KEY}))
    assert cache.put(at(PROVIDER, 1)) == set(), "it was asked for, and is no news"
    assert (cache.content(SECRET_KEY) or {})["data"] == PROVIDER["data"]
    assert cache.put(at(PROVIDER, 2, note="newer")) == {AGENT_KEY}
    assert cache.put(at(PROVIDER, 1)) == set()
    assert (cache.content(SECRET_KEY) or {})["metadata"]["note"] == "newer"
    cache.refer(AGENT_KEY, frozenset())
    assert cache.content(SECRET_KEY) is None


def test_metadata_alone_is_news_and_ends_the_content_of_an_earlier_version() -> None:
    cache = Cache()
    cache.refer(AGENT_KEY, frozenset({SECRET_KEY}))
    cache.put(at(PROVIDER, 1))
    assert cache.put(at({**PROVIDER, "data": {}}, 1), whole=False) == set()
    assert (cache.content(SECRET_KEY) or {})["data"] == PROVIDER["data"]
    assert cache.put(at({**PROVIDER, "data": {}}, 2), whole=False) == {AGENT_KEY}
    assert cache.is_present(SECRET_KEY)
    assert cache.content(SECRET_KEY) is None


def test_equal_sets_of_fields_are_kept_once() -> None:
    cache = Cache()
    entry = {"manager": "covey-operator", "operation": "Apply", "fieldsV1": {"f:spec": {}}}
    for number, manifest in enumerate(manifests(AGENT, FAST)):
        cache.put(at(manifest, number, uid=f"uid-{number}", managedFields=[entry]))
    children = cache.children("uid-of-researcher").values()
    assert len(children) == 6
    assert len({id(each.fields) for each in children}) == 1


def test_versions_name_everything_of_a_kind() -> None:
    cache = Cache()
    cache.put(at(PROVIDER, 3))
    cache.put(live(child(AGENT, "Secret"), version=4))
    assert cache.versions("Secret") == {SECRET_KEY: 3, Key("Secret", "news", "researcher-agent"): 4}
