"""Terms of a publisher's glossary found in text: all of them in one pass (Aho and Corasick, 1975)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abstracting.staging.model import GlossaryEntry


@dataclass(frozen=True, slots=True)
class GlossaryHit:
    """A term found: the entry's name, the name as it stood in the glossary, and the place (`end` exclusive)."""

    entry: str
    term: str
    start: int
    end: int


class GlossaryMatcher:
    """Finds the names and other names of glossary entries in text: whole words, case ignored, overlaps kept."""

    def __init__(self, entries: Iterable[GlossaryEntry]):
        self._next: list[dict[str, int]] = [{}]
        self._terms: list[list[tuple[str, str]]] = [[]]
        for entry in entries:
            for term in dict.fromkeys((entry.name, *entry.alternate_names)):
                if term:
                    self._add(entry.name, term)
        self._fallback = self._link()

    @classmethod
    def of(cls, glossary: Mapping[str, GlossaryEntry]) -> GlossaryMatcher:
        """Gives the matcher of an algorithm's glossary."""
        return cls(glossary.values())

    def _add(self, entry: str, term: str) -> None:
        node = 0
        for letter in _folded(term):
            following = self._next[node].get(letter)
            if following is None:
                following = len(self._next)
                self._next[node][letter] = following
                self._next.append({})
                self._terms.append([])
            node = following
        self._terms[node].append((entry, term))

    def _link(self) -> list[int]:
        """Gives, for each node, the node of its longest proper suffix, and adds that node's terms to its own."""
        fallback = [0] * len(self._next)
        waiting = deque(self._next[0].values())
        while waiting:
            node = waiting.popleft()
            self._terms[node] += self._terms[fallback[node]]
            for letter, following in self._next[node].items():
                waiting.append(following)
                back = fallback[node]
                while back and letter not in self._next[back]:
                    back = fallback[back]
                fallback[following] = self._next[back].get(letter, 0)
        return fallback

    def find(self, text: str) -> list[GlossaryHit]:
        """Gives every hit in the order in which they end; a letter right before or after a term spoils it."""
        hits = []
        node = 0
        for position, letter in enumerate(_folded(text)):
            while node and letter not in self._next[node]:
                node = self._fallback[node]
            node = self._next[node].get(letter, 0)
            for entry, term in self._terms[node]:
                start, end = position + 1 - len(term), position + 1
                if not (start and text[start - 1].isalpha()) and not (end < len(text) and text[end].isalpha()):
                    hits.append(GlossaryHit(entry, term, start, end))
        return hits


def _folded(text: str) -> Iterable[str]:
    # letter by letter, so that places stay true where lower case is longer (U+0130)
    return (small if len(small := letter.lower()) == 1 else letter for letter in text)
