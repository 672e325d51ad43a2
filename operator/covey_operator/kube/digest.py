"""Hashes of JSON: equal for equal content, whatever the order of the keys."""

import hashlib

import orjson


def digest(value: object) -> str:
    """32 hex digits of the SHA-256 of `value` as canonical JSON."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
