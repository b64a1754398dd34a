"""A configuration as plain data with every default filled in, its exact inverse, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from daemon.config.checks import find_problems
from daemon.config.decode import decode
from daemon.config.problem import as_error
from daemon.config.schema import Config


def config_document(config: Config) -> dict[str, Any]:
    """The configuration as tables, lists and scalars of JSON, defaults filled in; money is text, as it was written.

    Fingerprints stand for the ids of accounts, so that these stand in no manifest.
    """
    accounts = {name: account.without_ids() for name, account in config.accounts.items()}
    document: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(msgspec.structs.replace(config, accounts=accounts))
    )
    return document


def config_digest(config: Config) -> str:
    """SHA-256, hexadecimal, of the document as JSON with sorted keys; the same for TOML, YAML and JSON.

    `storage` is left out: where and how a run is written changes nothing that it decides. Numbers of money count as
    written: a balance of 10000 and one of 10000.0 differ, as they do in decision lines.
    """
    document = config_document(config)
    del document["storage"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def config_from_document(document: Mapping[str, Any], name: str = "manifest") -> Config:
    """Decode and check a document; the inverse of `config_document`.

    Args:
        document: plain data.
        name: where it came from, for errors.

    Raises:
        ConfigError: every problem found, each with its path and cure.
    """
    config = decode(dict(document), Config, name=name)
    if problems := find_problems(config):
        raise as_error(name, problems)
    return config
