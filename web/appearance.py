"""How the pages look to one person: light, dark or as the device says; dense or roomy. Kept in a cookie, no person in it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request

COOKIE = "appearance"
THEMES = ("", "light", "dark")
DENSITIES = ("roomy", "dense")
YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Appearance:
    """The theme (empty: as the device says) and the density."""

    theme: str = ""
    density: str = "roomy"


def appearance() -> Appearance:
    """The appearance that this browser chose."""
    theme, _, density = request.cookies.get(COOKIE, "").partition(".")
    return Appearance(theme if theme in THEMES else "", density if density in DENSITIES else "roomy")


def keep(response: Response, theme: str, density: str) -> Response:
    """Writes the choice into the answer's cookie."""
    chosen = Appearance(theme if theme in THEMES else "", density if density in DENSITIES else "roomy")
    response.set_cookie(
        COOKIE,
        f"{chosen.theme}.{chosen.density}",
        max_age=YEAR,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
