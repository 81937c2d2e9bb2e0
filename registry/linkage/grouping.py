"""Who is one person, and which abstracts are one tumor: a function of the standing decisions alone.

`groups` is pure: the same members and edges give the same groups in whatever order they came. `regroup` brings the rows there:
the patient of a group is the smallest home of its reports, the tumor of a group the smallest home of its abstracts; emptied
rows stay with `merged_into_id`, and what hangs on them moves with its home. Regrouping twice changes nothing, and a decision
taken back restores what was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Table, UniqueConstraint, and_, literal, or_, select, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry import audit
from registry.consolidation.refreshing import refresh_many
from registry.models import Abstract, Base, Patient, PatientRecord, Tumor
from registry.models.linkage import LINK, SAME, STALE, WAITING, LinkageDecision, LinkagePair, RowHome, TumorDecision

OWN = frozenset({"patient", "patient_record", "tumor", "abstract", "row_home"})
"""Tables that regrouping itself sees to; all others with a foreign key to patient or tumor hang on it."""

SEEN = {"see_merged": True}

CHAIN, TUMOR_CHAIN = "linkage", "tumor_linkage"
"""Audit chains of decisions on reports and on abstracts."""


def groups(members: Iterable[int], edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Gives the smallest member of each member's connected group; edges to strangers join nothing."""
    parent = {member: member for member in sorted(set(members))}

    def root(member: int) -> int:
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for a, b in edges:
        if a in parent and b in parent:
            low, high = sorted((root(a), root(b)))
            parent[high] = low
    return {member: root(member) for member in parent}


class Joined:
    """Groups that grow: who is in one group with whom, and what would come together."""

    def __init__(self, members: Iterable[int], edges: Iterable[tuple[int, int]]):
        self._of: dict[int, list[int]] = {}
        for member, group in sorted(groups(members, edges).items()):
            self._of[member] = self._of.get(group, [])
            self._of[member].append(member)

    def members(self, one: int) -> list[int]:
        """The group of a member."""
        return self._of[one]

    def same(self, one: int, other: int) -> bool:
        """Whether two members are in one group."""
        return self._of[one] is self._of[other]

    def kept_apart(self, one: int, other: int, apart: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
        """Gives the first pair that must stay apart and that joining these two would bring together."""
        left, right = set(self._of[one]), set(self._of[other])
        for a, b in apart:
            if (a in left and b in right) or (a in right and b in left):
                return a, b
        return None

    def join(self, one: int, other: int) -> None:
        """Makes two groups one."""
        if not self.same(one, other):
            both = self._of[one]
            both += self._of[other]
            for member in self._of[other]:
                self._of[member] = both


def homes(of: Mapping[int, int], edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Gives for each member (with its home) the home of its group: the smallest of the homes; one home is one group."""
    first: dict[int, int] = {}
    together = [(first.setdefault(home, member), member) for member, home in sorted(of.items())]
    found = groups(of, [*together, *edges])
    least: dict[int, int] = {}
    for member, group in found.items():
        least[group] = min(least.get(group, of[member]), of[member])
    return {member: least[group] for member, group in found.items()}


def neighborhood(session: Session, record_ids: Iterable[int]) -> list[PatientRecord]:
    """Gives all reports that a regrouping of some may move: of the same patients, and linked to them."""
    wanted, known = set(record_ids), set()
    rows: dict[int, PatientRecord] = {}
    while wanted - known:
        fresh = wanted - known
        known |= fresh
        found = session.scalars(select(PatientRecord).where(PatientRecord.id.in_(fresh))).all()
        rows |= {row.id: row for row in found}
        places = {place for row in found for place in (row.patient_id, row.home_patient_id)}
        near = or_(PatientRecord.patient_id.in_(places), PatientRecord.home_patient_id.in_(places))
        wanted |= set(session.scalars(select(PatientRecord.id).where(near)))
        wanted |= {end for edge in standing(session, fresh) for end in edge}
    return [rows[number] for number in sorted(rows)]


def standing(session: Session, ids: Iterable[int], kind: str = LINK) -> list[tuple[int, int]]:
    """Gives the standing decisions of a kind with one of the reports, as (left, right)."""
    wanted = list(ids)
    query = select(LinkageDecision.left_id, LinkageDecision.right_id).where(
        LinkageDecision.kind == kind,
        LinkageDecision.undone_at.is_(None),
        or_(LinkageDecision.left_id.in_(wanted), LinkageDecision.right_id.in_(wanted)),
    )
    return [(left, right) for left, right in session.execute(query)]


def homes_of(session: Session, ids: Iterable[int]) -> list[tuple[int, int]]:
    """Gives reports made with one patient as pairs: one home is one person."""
    rows = session.execute(
        select(PatientRecord.id, PatientRecord.home_patient_id)
        .where(PatientRecord.id.in_(list(ids)))
        .order_by(PatientRecord.id)
    )
    first: dict[int, int] = {}
    return [(first.setdefault(home, number), number) for number, home in rows]


def regroup(session: Session, record_ids: Iterable[int], *, who: str, why: str = "") -> set[int]:
    """Brings reports, abstracts and what hangs on them where the standing decisions say; gives the patients that changed."""
    records = neighborhood(session, record_ids)
    target = homes({r.id: r.home_patient_id for r in records}, standing(session, [r.id for r in records]))
    at = {r.home_patient_id: target[r.id] for r in records}
    moved: list[tuple[int, int, dict[str, Any]]] = []
    for record in records:
        if record.patient_id != target[record.id]:
            moved.append((record.id, record.version_id + 1, {"patient": [record.patient_id, target[record.id]]}))
            record.patient_id = target[record.id]
    abstracts = list(session.scalars(select(Abstract).where(Abstract.record_id.in_(target)).order_by(Abstract.id)))
    _part_homes(session, abstracts, target, who=who)
    tumor_of = _tumors(session, abstracts, target)
    tumors_at = {a.home_tumor_id: tumor_of[a.id] for a in abstracts}
    moved_abstracts = []
    for abstract in abstracts:
        if abstract.tumor_id != tumor_of[abstract.id]:
            change = {"tumor": [abstract.tumor_id, tumor_of[abstract.id]]}
            moved_abstracts.append((abstract.id, abstract.version_id + 1, change))
            abstract.tumor_id = tumor_of[abstract.id]
    patients = _settle(session, Patient, at)
    person_of = {tumor_of[a.id]: target[a.record_id] for a in abstracts}
    tumors = _settle(session, Tumor, tumors_at)
    for tumor in tumors:
        goal = person_of.get(tumors_at.get(tumor.id, tumor.id))
        if goal is not None and tumor.patient_id != goal:
            tumor.patient_id = goal
    session.flush()
    _carry(session, "patient", at)
    _carry(session, "tumor", tumors_at)
    audit.append_many(session, "patient_record", moved, action="regroup", who=who, why=why)
    audit.append_many(session, "abstract", moved_abstracts, action="regroup", who=who, why=why)
    for row in (*patients, *tumors):
        session.expire(row, ["records", "tumors"] if isinstance(row, Patient) else ["abstracts", "patient"])
    for rows in (tumors, patients):
        refresh_many(session, [row for row in rows if row.merged_into_id is None], who=who, why=why)
    _overtake(session, target)
    return {patient.id for patient in patients}


OVERTAKEN = "one person by other links"


def _overtake(session: Session, person: Mapping[int, int]) -> None:
    """Takes pairs that wait out of the queue while other links make them one person, and brings them back after."""
    query = select(LinkagePair).where(
        LinkagePair.left_id.in_(person),
        LinkagePair.right_id.in_(person),
        or_(LinkagePair.state == WAITING, and_(LinkagePair.state == STALE, LinkagePair.why == OVERTAKEN)),
    )
    for pair in session.scalars(query):
        one = person[pair.left_id] == person[pair.right_id]
        if one != (pair.state == STALE):
            pair.state, pair.why = (STALE, OVERTAKEN) if one else (WAITING, "")
    session.flush()


def _tumors(session: Session, abstracts: list[Abstract], person: Mapping[int, int]) -> dict[int, int]:
    """The tumor of each abstract; only abstracts of one person are one tumor, whatever was decided."""
    ids = [a.id for a in abstracts]
    query = select(TumorDecision.left_id, TumorDecision.right_id).where(
        TumorDecision.kind == SAME, TumorDecision.undone_at.is_(None), TumorDecision.left_id.in_(ids)
    )
    of = {a.id: person[a.record_id] for a in abstracts}
    edges = [(a, b) for a, b in session.execute(query) if b in of and of[a] == of[b]]
    return homes({a.id: a.home_tumor_id for a in abstracts}, edges)


def _part_homes(session: Session, abstracts: list[Abstract], person: Mapping[int, int], *, who: str) -> None:
    """Gives abstracts of a second person on one home tumor, begun while both were one, a home of their own.

    The first abstract keeps the tumor, and with it the person whose tumor it is. That both are one tumor was said when the
    second was begun: it is kept as a decision, so that linking the persons again brings the abstracts together again.
    """
    first: dict[int, Abstract] = {}
    own: dict[tuple[int, int], Tumor] = {}
    for abstract in abstracts:
        stays = first.setdefault(abstract.home_tumor_id, abstract)
        whose = person[abstract.record_id]
        if whose == person[stays.record_id]:
            continue
        key = (abstract.home_tumor_id, whose)
        if key not in own:
            own[key] = Tumor(patient_id=whose, items={})
            session.add(own[key])
            session.flush()
            why = "begun as an abstract of this tumor while the persons were linked"
            made = TumorDecision(left_id=stays.id, right_id=abstract.id, kind=SAME, automatic=True, who=who, why=why)
            session.add(made)
            session.flush()
            change = {"abstracts": [stays.id, abstract.id]}
            audit.append(session, TUMOR_CHAIN, made.id, SAME, change, who=who, why=why)
        abstract.home_tumor_id = own[key].id
    session.flush()


def _settle(session: Session, model: type[Patient] | type[Tumor], at: Mapping[int, int]) -> list[Any]:
    """Marks rows as standing or merged; each mark that changed is sealed."""
    rows = list(
        session.scalars(
            select(model).where(model.id.in_({*at, *at.values()})).order_by(model.id), execution_options=SEEN
        )
    )
    marked: dict[str, list[tuple[Any, dict[str, Any]]]] = {"merge": [], "restore": []}
    for row in rows:
        goal = at.get(row.id, row.id)
        into = None if goal == row.id else goal
        if row.merged_into_id != into:
            change = {"merged_into": [row.merged_into_id, into]}
            row.merged_into_id = into
            marked["merge" if into else "restore"].append((row, change))
    session.flush()
    for action, changes in marked.items():
        links = [(row.id, row.version_id, change) for row, change in changes]
        audit.append_many(session, model.__tablename__, links, action=action, who="linkage", why="")
    return rows


@cache
def hanging(name: str) -> tuple[tuple[Table, str], ...]:
    """Gives the tables with rows that hang on a patient or tumor and can move, with the column that names it."""
    found = []
    for table in Base.metadata.sorted_tables:
        if table.name in OWN or [c.name for c in table.primary_key] != ["id"]:
            continue
        found += [
            (table, c.name) for c in table.columns if any(k.target_fullname == f"{name}.id" for k in c.foreign_keys)
        ]
    return tuple(found)


def _carry(session: Session, name: str, at: Mapping[int, int]) -> None:
    """Moves what hangs on merged rows, and what came from there back; where a row was at home is kept in `row_home`.

    Of rows that only one patient may have once, the one of the goal itself stays there, then that of the smallest home: rows
    go home first and leave in that order, so that it does not matter in which order links were made.
    """
    column = {"patient": RowHome.patient_id, "tumor": RowHome.tumor_id}[name]
    tables = {table.name: (table, key) for table, key in hanging(name)}
    kept = select(RowHome).where(RowHome.table_name.in_(tables), column.in_(at))
    homes_ = {(home.table_name, home.row_id): getattr(home, column.key) for home in session.scalars(kept)}
    moving = dict(homes_)
    leaving = [place for place, goal in at.items() if goal != place]
    if leaving and tables:
        # one question to all tables: most persons have nothing in most of them
        parts = [
            select(literal(table.name), table.c.id, table.c[key]).where(table.c[key].in_(leaving))
            for table, key in tables.values()
        ]
        for table_name, row_id, place in session.execute(union_all(*parts)):
            moving.setdefault((table_name, row_id), place)
    for table_name, row_id in homes_:
        table, key = tables[table_name]
        if _is_once(table, key):
            _move(session, table, key, row_id, homes_[table_name, row_id])
    for (table_name, row_id), home in sorted(moving.items(), key=lambda one: (one[0][0], one[1], one[0][1])):
        table, key = tables[table_name]
        if _move(session, table, key, row_id, at[home]) and (table_name, row_id) not in homes_:
            row = session.get(RowHome, (table_name, row_id)) or RowHome(table_name=table_name, row_id=row_id)
            setattr(row, column.key, home)
            session.add(row)
    session.flush()


def _is_once(table: Table, key: str) -> bool:
    """Whether a table lets a row of some kind stand only once with each patient or tumor."""
    unique = (one for one in table.constraints if isinstance(one, UniqueConstraint))
    return any(key in one.columns for one in unique) or any(i.unique and key in i.columns for i in table.indexes)


def _move(session: Session, table: Table, key: str, row_id: int, goal: int) -> bool:
    """Moves one row; one that would stand twice at its goal stays where it is."""
    try:
        with session.begin_nested():
            session.execute(update(table).where(table.c.id == row_id).values({key: goal}))
    except IntegrityError:
        return False
    return True
