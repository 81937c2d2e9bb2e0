"""One mapping over a record, keyed by item number, that hides where a value lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_LEVELS = ("Tumor", "Patient", "NaaccrData")


class RecordView(Mapping[int, str]):
    """A patient and one of their tumors (and the root, where given) as one read-only mapping of number to value.

    A number that stands at several levels is answered from the tumor first, then the patient, then the root. Empty
    values count as missing. The view holds no copy: it follows later changes of the mappings it is over.
    """

    __slots__ = ("_layers",)

    def __init__(
        self,
        patient_items: Mapping[int, str],
        tumor_items: Mapping[int, str] | None = None,
        root_items: Mapping[int, str] | None = None,
    ):
        self._layers = (
            {} if tumor_items is None else tumor_items,
            patient_items,
            {} if root_items is None else root_items,
        )

    def __getitem__(self, number: int) -> str:
        for layer in self._layers:
            value = layer.get(number)
            if value:
                return value
        raise KeyError(number)

    def get(self, number: int, default: str = "") -> str:  # type: ignore[override]
        """Gives the value of an item, the empty text where there is none."""
        for layer in self._layers:
            value = layer.get(number)
            if value:
                return value
        return default

    def level(self, number: int) -> str:
        """Gives the level the value comes from (Tumor, Patient, NaaccrData); the empty text where there is none."""
        for name, layer in zip(_LEVELS, self._layers, strict=True):
            if layer.get(number):
                return name
        return ""

    def __contains__(self, number: object) -> bool:
        return any(layer.get(number) for layer in self._layers)  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[int]:
        seen: set[int] = set()
        for layer in self._layers:
            for number, value in layer.items():
                if value and number not in seen:
                    seen.add(number)
                    yield number

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"RecordView({dict(self)!r})"
