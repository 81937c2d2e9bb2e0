"""What every code system can do: read a code as people write it, judge it, name it, and find it by code or words.

A code system is a type of its own, so that a topography is never taken for a histology. The search behind a field is
code first: who types `C50` or `C50.9` wants codes, who types `upper outer` wants words; every word may be cut short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from abstracting.errors import AbstractingError
from abstracting.values import is_blank, normalise_name


@dataclass(frozen=True, slots=True)
class Match:
    """One line of a type-ahead: the code as stored, what it means, and whether the query is the whole code."""

    code: str
    label: str
    exact: bool = False


def plain(text: str) -> str:
    """Gives a code without dots, slashes, hyphens and blanks, in upper case: how codes are compared in a search."""
    return re.sub(r"[.\-/\s]", "", text).upper()


@dataclass(frozen=True)
class CodeSystem:
    """A closed list of codes: `codes` maps each to its label, in printed order.

    `normalise` turns what people write into the stored form; `shape` says in words what a code looks like. For the
    search, `words` spells out what people type (`{"scc": "squamous cell carcinoma"}`) and `aliases` gives codes further
    names (`{"8500/3": ("Ductal carcinoma",)}`).
    """

    name: str
    title: str
    codes: Mapping[str, str]
    shape: str
    normalise: Callable[[str], str] = plain
    words: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def parse(self, text: str | None) -> str:
        """Gives the code in its stored form; a text that is no code of this system is an error with a remedy."""
        if is_blank(text):
            raise AbstractingError("code-blank", f"there is no {self.title}", hint=f"give {self.shape}")
        code = self.normalise(text)  # type: ignore[arg-type]
        if code not in self.codes:
            near = ", ".join(match.code for match in self.search(code, limit=5)) or "none begins like it"
            raise AbstractingError(
                "code-unknown", f"{text!r} is no {self.title}", hint=f"give {self.shape}; near it: {near}"
            )
        return code

    def is_valid(self, code: str | None) -> bool:
        """Tells whether a code, as stored, is in the list."""
        return code in self.codes

    def label(self, code: str | None) -> str:
        """Gives the meaning of a code, empty for one that is not in the list."""
        return self.codes.get(code or "", "")

    @cached_property
    def _index(self) -> list[tuple[str, str, tuple[str, ...]]]:
        names = [*self.codes.items(), *((code, name) for code, more in self.aliases.items() for name in more)]
        return [(code, plain(code), tuple(normalise_name(label).split())) for code, label in names]

    def search(self, query: str, *, limit: int = 20) -> list[Match]:
        """Gives up to `limit` matches of what was typed so far: by code, else by words, best first."""
        if is_blank(query):
            return []
        wanted = plain(query)
        found = {}
        for code, bare, _ in self._index:
            # who leaves out the letter still means the code
            digits = bare[1:] if wanted.isdigit() and bare[:1].isalpha() else bare
            if bare.startswith(wanted) or digits.startswith(wanted):
                found[code] = Match(code, self.codes[code], exact=wanted in (bare, digits))
        by_code = sorted(found.values(), key=lambda match: not match.exact)
        by_words = [match for match in self._by_words(query) if match.code not in found]
        return [*by_code, *by_words][:limit]

    def _by_words(self, query: str) -> list[Match]:
        asked = normalise_name(" ".join(self.words.get(word.lower(), word) for word in query.split())).split()
        ranked = []
        for place, (code, _, words) in enumerate(self._index):
            rank = _rank(asked, words)
            if rank is not None:
                ranked.append((rank, place, Match(code, self.codes[code])))
        # a code found by its label and by a second name comes once, at the better place
        best: dict[str, Match] = {}
        for _, _, match in sorted(ranked, key=lambda item: item[:2]):
            best.setdefault(match.code, match)
        return list(best.values())


def _rank(asked: Iterable[str], words: tuple[str, ...]) -> tuple[int, int] | None:
    """Gives how well a label answers: (words that do not begin as asked in order, its length); None when one lacks."""
    missed = 0
    for number, part in enumerate(asked):
        at = next((i for i, word in enumerate(words) if word.startswith(part)), None)
        if at is None:
            return None
        missed += at != number
    return missed, len(words)
