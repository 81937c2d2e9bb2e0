"""Survival from the live registry: a request becomes an answer, through the snapshot, the registry's rules and the engine.

No estimator is written here: persons come from `survival_cohort`, numbers from `survival`, words from
`survival.reproduce` and the notes gathered on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from registry.analysis.snapshot import Snapshot
from registry.analysis.survival_answer import Answer, Group, Step
from registry.analysis.survival_cohort import Persons, find_persons
from registry.analysis.survival_request import Request
from registry.analysis.survival_scope import Scope
from registry.analysis.survival_tables import ascertainment, life_table, table_title
from registry.analysis.survival_words import describe
from registry.errors import RegistryError
from survival.frames import DAYS, FollowUp
from survival.lifetables import YEAR_OF_AGE
from survival.net.cohort import Cohort
from survival.results import Result, plain
from survival.standards import Standard

if TYPE_CHECKING:
    from registry.db import Store
    from survival.lifetables import LifeTable

YEAR = DAYS["years"]
POINTS = 400
"""A curve is drawn through at most so many points: finer steps than a pixel."""

CANCER, OTHER = 1, 2
"""Causes of death in the status of a follow-up; 0 is alive."""

Progress = Callable[[float, str], Any]


def _silent(share: float, text: str) -> None:
    """Reports to nobody."""


def answer(store: Store, snapshot: Snapshot, request: Request, scope: Scope, progress: Progress = _silent) -> Answer:
    """Gives the whole, unsuppressed answer; errors of selection and life table say what to change."""
    table = life_table(store, request.life_table) if request.way.background else None
    recorded = ascertainment(store)
    persons = find_persons(
        snapshot,
        request,
        scope,
        deaths_complete_to=recorded.date if recorded else None,
        progress=progress,
    )
    progress(0.4, "estimating")
    return answer_for(
        persons,
        table,
        snapshot=snapshot,
        registry=store.settings.registry_name,
        table_name=table_title(store, request.life_table),
        progress=progress,
    )


def answer_for(
    persons: Persons,
    table: LifeTable | None,
    *,
    snapshot: Snapshot,
    registry: str,
    table_name: str = "",
    progress: Progress = _silent,
) -> Answer:
    """Gives the answer for persons that are at hand."""
    request = persons.request
    found = _Estimates(persons, table)
    years = sorted({*request.at, *(float(y) for y in range(1, int(request.horizon) + 1))})
    years = [y for y in years if y > request.given]
    reported, cautions = found.by_group(years)
    progress(0.6, "drawing the curve")
    curve = found.curve()
    progress(0.7, "standardising by age")
    standardised, standard, notes = found.standardised([y for y in request.at if y > request.given])
    cautions += _not_standardised(reported.frame, standardised)
    progress(0.9, "comparing groups")
    words = describe(persons, reported, snapshot=snapshot, registry=registry, table_name=table_name, standard=standard)
    frame = persons.frame
    risk_times = _risk_times(request)
    groups = found.groups()
    return Answer(
        pairs=[list(pair) for pair in request.pairs()],
        method=request.method,
        title=request.way.title,
        measure=request.way.measure,
        definition=persons.definition,
        registry=registry,
        version=snapshot.version,
        made_at=snapshot.made_at,
        closing=str(persons.closing.date()),
        n=len(frame),
        events=int(frame["event"].sum()),
        groups=groups,
        grouped_by=persons.grouping.title,
        flow=[Step(s.name, s.text, s.excluded, s.remaining) for s in persons.flow],
        curve=_rows(curve.frame, years_of=found.curve_unit),
        table=_rows(reported.frame, years_of=found.table_unit),
        standardised=[] if standardised is None else _rows(standardised, years_of=1.0),
        standard=standard.name if standard else "",
        intervals=_rows(curve.frame, years_of=found.curve_unit) if request.method == "actuarial" else [],
        risk_times=risk_times,
        at_risk=[_at_risk(frame[frame["group"] == g.number], risk_times) for g in groups],
        test=found.test(),
        warnings=list(dict.fromkeys([*persons.notes, *found.table_cautions(), *notes])),
        cautions=[[number, text] for number, text in dict.fromkeys(cautions)],
        method_text=words.method,
        references=list(words.references),
        r_call=words.r_call,
        citation=words.citation,
    )


def _not_standardised(reported: pd.DataFrame, standardised: pd.DataFrame | None) -> list[tuple[int, str]]:
    """Gives for each group the years with an estimate but without an age-standardised one."""
    if standardised is None:
        return []
    known = {(int(g), t) for g, t, s in zip(reported["group"], reported["time"], reported["estimate"]) if s == s}
    missing: dict[int, list[float]] = {}
    for row in standardised[standardised["estimate"].isna()].itertuples():
        if (int(row.group), row.time) in known:
            missing.setdefault(int(row.group), []).append(row.time)
    return [
        (
            group,
            f"No age-standardised estimate at year {', '.join(f'{t:g}' for t in times)}: an age group has no persons, or "
            "nobody of it was followed so long. Weights are never spread over the others.",
        )
        for group, times in missing.items()
    ]


def _risk_times(request: Request) -> list[float]:
    """The years at which the numbers at risk stand: few enough for a narrow page, from the years already lived on."""
    step = next((s for s in (0.5, 1.0, 2.0, 5.0) if request.horizon / s <= 6), 5.0)
    return [float(t) for t in np.arange(0, request.horizon + 1e-9, step) if t >= request.given]


def _at_risk(frame: pd.DataFrame, times: list[float]) -> list[int]:
    """Counts who is under observation at each time (years): entered before and not yet gone, as the estimators count."""
    entry, time = frame["entry"].to_numpy(), frame["time"].to_numpy()
    days = [t * YEAR for t in times]
    return [int(((entry < d) & (time >= d)).sum()) if d > 0 else int((entry == 0).sum()) for d in days]


def _rows(frame: pd.DataFrame, *, years_of: float) -> list[dict[str, Any]]:
    columns = {name: name for name in frame.columns if name not in ("se_log", "effective", "q", "n_eff")}
    shown = frame[list(columns)].assign(time=frame["time"] / years_of)
    if "start" in shown:
        shown = shown.assign(start=frame["start"] / years_of, end=frame["end"] / years_of)
    return [{name: plain(value) for name, value in row.items()} for row in shown.to_dict("records")]


def _readable(warnings: tuple[str, ...]) -> list[str]:
    """The engine speaks of times without a unit; here they are years since diagnosis."""
    return [
        w.replace(" at time ", " at year ").replace("At time ", "At year ").replace("Follow-up ends before", _ENDS)
        for w in warnings
    ]


_ENDS = "Nobody was followed to year"


class _Estimates:
    """The numbers of one request, each method through the engine's own function."""

    def __init__(self, persons: Persons, table: LifeTable | None):
        self.persons, self.table, self.request = persons, table, persons.request
        self.frame = persons.frame
        self.strata = pd.DataFrame({"group": np.arange(len(persons.labels))})
        self.table_unit = 12.0 if self.request.method == "actuarial" else 1.0
        self.curve_unit = 12.0 if self.request.method == "actuarial" else YEAR

    def _of(self, group: int | None) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
        """The rows of one group as a cohort without groups, or all rows with theirs."""
        if group is None:
            return self.frame, self.frame["group"].to_numpy(dtype=np.int64), self.strata
        rows = self.frame[self.frame["group"] == group]
        return rows, np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=range(1))

    def follow_up(self, group: int | None = None) -> FollowUp:
        """The persons as the estimators without background mortality take them."""
        frame, number, strata = self._of(group)
        event = frame["event"].to_numpy() == 1
        entry = frame["entry"].to_numpy(dtype=float)
        return FollowUp(
            time=frame["time"].to_numpy(dtype=float),
            event=event,
            status=np.where(event, CANCER, frame["other"].to_numpy() * OTHER),
            group=number,
            strata=strata,
            unit="days",
            entry=entry if entry.any() else None,
        )

    def cohort(self, group: int | None = None) -> Cohort:
        """The persons with age, sex and date at diagnosis, for methods with background mortality."""
        frame, number, strata = self._of(group)
        entry = frame["entry"].to_numpy(dtype=float)
        return Cohort(
            time=frame["time"].to_numpy(dtype=float),
            event=frame["event"].to_numpy() == 1,
            age=frame["age"].to_numpy(dtype=float),
            date=frame["day"].to_numpy(dtype=float),
            sex=(frame["sex"].astype("string") == "2").to_numpy(dtype=np.int64),
            group=number,
            strata=strata,
            entry=entry if entry.any() else None,
        )

    def by_group(self, years: list[float]) -> tuple[Result, list[tuple[int, str]]]:
        """The estimates at years since diagnosis, group by group, so that each warning is known to be of one group."""
        frames, cautions, first = [], [], None
        beside = set(self.table_cautions())
        for group in range(len(self.persons.labels)):
            if self.request.method == "actuarial":
                found = self._actuarial([12.0 * y for y in years], group)
            else:
                found = self._estimate(years, "years", group)
            first = first or found
            frames.append(self._counted(found.frame, years, group).assign(group=group))
            own = self.table.cautions(*self._dates(group)) if self.table else ()
            cautions += [(group, text) for text in _readable(found.warnings) if text not in beside and text not in own]
        assert first is not None
        events = int(self.frame["event"].sum())
        whole = replace(first, frame=pd.concat(frames, ignore_index=True), n=len(self.frame), events=events)
        return whole, cautions

    def _counted(self, frame: pd.DataFrame, years: list[float], group: int) -> pd.DataFrame:
        """The rows with who is under observation just before each year.

        Under delayed entry the engine counts as R's summary.survfit does, at the next exit, where others have entered since:
        its number would open other cases than those it counts.
        """
        if not self.persons.delayed or self.request.way.background or self.request.method == "actuarial":
            return frame
        return frame.assign(n_risk=_at_risk(self._of(group)[0], years))

    def _dates(self, group: int | None) -> tuple[np.ndarray, np.ndarray]:
        frame = self._of(group)[0]
        return frame["day"].to_numpy(dtype=float), frame["time"].to_numpy(dtype=float)

    def table_cautions(self) -> list[str]:
        """What to note of the life table's years for all persons."""
        return list(self.table.cautions(*self._dates(None))) if self.table else []

    def curve(self) -> Result:
        """The estimates along the whole curve."""
        if self.request.method == "actuarial":
            return self._actuarial(None)
        last = self.request.horizon * YEAR
        reached = min(last, float(self.frame["time"].max()))
        start = self.request.given * YEAR
        if reached <= start:
            raise RegistryError(
                "no-cases", f"nobody was followed beyond {self.request.given:g} years", hint="condition on less"
            )
        step = max(1.0, np.ceil((reached - start) / POINTS))
        days = np.unique(np.concatenate([np.arange(start, reached, step), [reached]]))
        return self._estimate(days.tolist(), "days")

    def _estimate(self, at: list[float], unit: Any, group: int | None = None) -> Result:
        request = self.request
        given = request.given if unit == "years" else request.given * YEAR
        how: dict[str, Any] = {"at": at, "at_unit": unit, "ci": request.scale, "level": request.level}
        if request.method == "competing":
            return self._competing(self.follow_up(group), how)
        if not request.way.background:
            from survival.kaplan_meier import kaplan_meier

            return kaplan_meier(self.follow_up(group), given=given, **how)
        assert self.table is not None
        if request.method == "crude":
            from survival.net.crude import crude_death

            return crude_death(self.cohort(group), self.table, **how)
        return self._net(at, unit, given, group=group)

    def _competing(self, data: FollowUp, how: dict[str, Any]) -> Result:
        """Both causes side by side, as `crude_death` gives them; a cause of which nobody died has probability 0."""
        from survival.competing.incidence import cumulative_incidence

        codes = [code for code in (CANCER, OTHER) if (data.status == code).any()]
        if not codes:
            raise RegistryError("no-cases", "nobody died in this selection", hint="choose a wider selection")
        # the jackknife knows no delayed entry
        variance: Any = "jackknife" if data.entry is None else "gray"
        found = cumulative_incidence(data, causes=codes, variance=variance, **how)
        return replace(found, frame=_side_by_side(found.frame, codes))

    def _net(
        self, at: list[float], unit: Any, given: float, *, standard: Standard | None = None, group: int | None = None
    ) -> Result:
        from survival.net.analysis import net_survival

        assert self.table is not None
        closing = (self.persons.closing - pd.Timestamp("1960-01-01")).days
        return net_survival(
            self.cohort(group),
            self.table,
            method=self.request.method,  # type: ignore[arg-type]
            at=at,
            at_unit=unit,
            ci=self.request.scale,  # type: ignore[arg-type]
            level=self.request.level,
            given=given,
            standard=standard,
            weighting=self.request.weighting,  # type: ignore[arg-type]
            closing=float(closing),
        )

    def _breaks(self) -> list[float]:
        """The bounds of the life table's intervals in months."""
        request = self.request
        if request.intervals == "month":
            return [float(m) for m in range(int(np.ceil(12.0 * request.horizon)) + 1)]
        if request.intervals == "year":
            return [12.0 * y for y in range(int(np.ceil(request.horizon)) + 1)]
        return [float(part) for part in request.intervals.split(",")]

    def _actuarial(self, months: list[float] | None, group: int | None = None) -> Result:
        from survival.actuarial import life_table

        request = self.request
        return life_table(
            self.follow_up(group),
            breaks=self._breaks(),
            at=months,
            unit="months",
            ci=request.scale,  # type: ignore[arg-type]
            level=request.level,
        )

    def standardised(self, years: list[float]) -> tuple[pd.DataFrame | None, Standard | None, list[str]]:
        """The age-standardised estimates, the standard that was used, and what to note."""
        if not self.request.standardises or not years:
            return None, None, []
        standard, notes = choose_standard(self.frame, self.request)
        if standard is None:
            # many sites together have no standard in common; only for one site, or a method made for it, is that news
            return None, None, notes if self.request.way.background or self.request.site else []
        if self.request.way.two_causes:
            found = self._aged_probabilities(years, standard)
            if self.request.weighting != "traditional":
                notes = [
                    *notes,
                    "Probabilities of death are standardised by age group: individual weights are of survival.",
                ]
        elif self.request.way.background:
            found = self._net(years, "years", self.request.given, standard=standard)
        else:
            found = self._aged(years, standard)
        return (
            found.frame,
            standard,
            [*notes, *(text for text in found.warnings if " persons are younger " in text or " unknown age " in text)],
        )

    def _aged(self, years: list[float], standard: Standard) -> Result:
        """Observed or cause-specific survival, age-standardised."""
        from survival.age_standard import age_standardised

        request, months = self.request, self.request.method == "actuarial"
        found = age_standardised(
            self.follow_up(),
            self.frame["age"].to_numpy(dtype=float) / YEAR_OF_AGE,
            standard,
            at=[12.0 * y for y in years] if months else years,
            at_unit="months" if months else "years",
            method="life-table" if months else "kaplan-meier",
            breaks=self._breaks() if months else None,
            weighting=request.weighting,  # type: ignore[arg-type]
            ci=request.scale,  # type: ignore[arg-type]
            level=request.level,
            given=request.given,
        )
        return replace(found, frame=found.frame.assign(time=found.frame["time"] / 12.0)) if months else found

    def _aged_probabilities(self, years: list[float], standard: Standard) -> Result:
        """Probabilities of death from cancer and from other causes, age-standardised."""
        from survival.standard_probabilities import standardised_crude_death, standardised_incidence

        how: dict[str, Any] = {"at": years, "at_unit": "years", "ci": self.request.scale, "level": self.request.level}
        if self.request.method == "crude":
            assert self.table is not None
            return standardised_crude_death(self.cohort(), self.table, standard, **how)
        data = self.follow_up()
        codes = [code for code in (CANCER, OTHER) if (data.status == code).any()]
        ages = self.frame["age"].to_numpy(dtype=float) / YEAR_OF_AGE
        variance: Any = "jackknife" if data.entry is None else "gray"
        found = standardised_incidence(data, ages, standard, causes=codes, variance=variance, **how)
        return replace(found, frame=_side_by_side(found.frame, codes))

    def groups(self) -> list[Group]:
        """Who is in each group, with the medians of survival and of follow-up in years."""
        from survival.kaplan_meier import kaplan_meier

        medians: dict[int, dict[str, Any]] = {}
        data = self.follow_up()
        if self.request.way.endpoint != "net" and not self.request.way.two_causes and not self.request.given:
            how: dict[str, Any] = {"ci": self.request.scale, "level": self.request.level}
            rows = kaplan_meier(data, quantiles=(0.5,), **how)
            medians = {int(r["stratum"]["group"]): r for r in rows.extra["quantiles"]}
        reverse = kaplan_meier(data, quantiles=(0.5,), reverse=True)
        follow_up = {int(r["stratum"]["group"]): r["time"] for r in reverse.extra["quantiles"]}
        size = np.bincount(data.group, minlength=data.groups)
        events = np.bincount(data.group, weights=data.event, minlength=data.groups)

        def years(value: Any) -> float | None:
            value = plain(value)
            return None if value is None else float(value) / YEAR

        found = []
        # under delayed entry the median would be of the window, not of the persons
        active = self.request.follow_up == "active" and not self.persons.delayed
        for number, label in enumerate(self.persons.labels):
            median = medians.get(number, {})
            found.append(
                Group(
                    number,
                    label,
                    int(size[number]),
                    int(events[number]),
                    median=years(median.get("time")),
                    median_lower=years(median.get("lower")),
                    median_upper=years(median.get("upper")),
                    follow_up=years(follow_up.get(number)) if active else None,
                    margins=list(self.persons.margins[number]),
                )
            )
        return found

    def test(self) -> dict[str, Any] | None:
        """The test of equal curves, where the engine has one for the method."""
        from registry.analysis.survival_tests import compare

        return compare(self.request, self.persons, self.follow_up, self.cohort, self.table)


def _side_by_side(frame: pd.DataFrame, codes: list[int]) -> pd.DataFrame:
    """Both causes in one row, as `crude_death` gives them; a cause of which nobody died has probability 0."""
    parts = {code: frame[frame["cause"].astype(str) == str(code)].reset_index(drop=True) for code in codes}
    values = ["estimate", "se", "lower", "upper"]

    def of(code: int) -> pd.DataFrame:
        if code in parts:
            return parts[code]
        first = parts[codes[0]]
        return first.assign(n_event=0, **dict.fromkeys(values, first["estimate"] * 0.0))

    main, other = of(CANCER), of(OTHER)
    return main.drop(columns="cause").assign(**{f"other_{name}": other[name] for name in values})


def choose_standard(frame: pd.DataFrame, request: Request) -> tuple[Standard | None, list[str]]:
    """Gives the standard of a request: named, or the one that all cancers of the frame share; without one, why."""
    from registry.analysis.survival_groups import age_bounds
    from survival.errors import SurvivalError
    from survival.selection import Columns, default_standard
    from survival.standards import LOWER_AGES, standard

    if request.standard == "auto":
        try:
            columns = Columns(topography="primarySite", histology="histologicTypeIcdO3")
            return default_standard(frame, columns), []
        except SurvivalError as error:
            return None, [f"No age-standardised estimate: {error.message}. {error.hint}"]
    lower = age_bounds(frame)
    return standard(request.standard, lower=lower if request.standard == "icss1" else LOWER_AGES), []
