"""The numbers under the barcodes: eight random signs that no eye confuses and a check sign, so that a typing error shows."""

from __future__ import annotations

import secrets

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U."""

LENGTH = 8
ALIKE = str.maketrans("ILO", "110")


def new_token() -> str:
    """Gives a new number: eight random signs and the check sign."""
    body = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    return body + _check(body)


def read_token(text: str) -> str | None:
    """Gives the number that was scanned or typed, hyphens, blanks and case aside; None where it cannot be one."""
    plain = "".join(sign for sign in text.upper() if sign.isalnum()).translate(ALIKE)
    if len(plain) != LENGTH + 1 or any(sign not in SIGNS for sign in plain):
        return None
    return plain if _check(plain[:-1]) == plain[-1] else None


def grouped(token: str) -> str:
    """The number as it is printed: AAAA-AAAA-A."""
    return f"{token[:4]}-{token[4:8]}-{token[8:]}"


def _check(body: str) -> str:
    # weights are odd and so invertible modulo 32: every single wrong sign is found; neighbours differ by 2 modulo 32,
    # which finds a swap of two signs unless they are exactly sixteen apart
    total = sum((2 * place + 1) * SIGNS.index(sign) for place, sign in enumerate(body))
    return SIGNS[total % 32]
