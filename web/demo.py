"""The demo's logins, shown where one signs in: nobody in the demo is real, and its passwords are printed anyway."""

from __future__ import annotations

from registry.demo import LOGINS, Login
from web.pages import settings


def is_demo() -> bool:
    """Whether this installation is the demo."""
    return settings().demo


def demo_logins() -> tuple[Login, ...]:
    """The printed logins in the demo; nothing elsewhere."""
    return LOGINS if is_demo() else ()
