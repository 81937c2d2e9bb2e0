"""The abstracting desk: the queue of cases to finish, starting a case, class of case by questions, questions to physicians."""

from __future__ import annotations

from web.abstracting import base, cases, starting
from web.abstracting.base import blueprint, navigation

__all__ = ["base", "blueprint", "cases", "navigation", "starting"]
