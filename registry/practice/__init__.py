"""Practice: charts written from the synthetic truth, coded in the editor's fields, scored item by item against the truth.

    from registry.practice import make_set, score
    one = make_set("breast", seed=7, count=1)[0]
    one.documents                              # the chart, sentence by sentence
    score(one, {400: "C504", 522: "8500"})     # what each answer earns, the sentence behind the code, the rule

Nothing here is a case: exercises and answers have tables of their own, which no count, export, edit report, follow-up or
search reads. An exercise is known by its key (seed of the generator and tumor), so that two registrars code the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.practice.agreement import measure
    from registry.practice.exercises import Exercise, make_set
    from registry.practice.scoring import score

_PLACES = {
    "Exercise": "registry.practice.exercises",
    "make_set": "registry.practice.exercises",
    "measure": "registry.practice.agreement",
    "score": "registry.practice.scoring",
}

__all__ = ["Exercise", "make_set", "measure", "score"]


def __getattr__(name: str) -> Any:
    # the generator brings numpy and pandas: they are imported on first use only
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
