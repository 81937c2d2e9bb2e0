"""Addresses without persons: what was searched for travels encrypted, readable by this installation alone."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app

from registry.config import secret

LIFE = 12 * 3600
"""Seconds for which a sealed address can be opened."""


def _fernet() -> Fernet:
    key = hashlib.sha256(secret(current_app.extensions["settings"], "addresses").encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def seal(values: dict[str, Any]) -> str:
    """Gives the values as one token for an address."""
    return _fernet().encrypt(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def unseal(token: str) -> dict[str, Any]:
    """Gives the values back; an expired, foreign or broken token gives none of them."""
    try:
        text = _fernet().decrypt((token + "=" * (-len(token) % 4)).encode(), ttl=LIFE)
    except (InvalidToken, UnicodeEncodeError):
        return {}
    return json.loads(text)
