"""Rules that follow from tables: code lists and dates of the dictionary, valid codes of the staging schemas.

    COD610    the code of item 610 is in its list (NAACCR v25 or v26)
    DTE580    item 580 is a real date and not in the future
    FRM1001   a stage category or group entered by hand is written in the form of its item
    SSD3827   item 3827 has a code that the tumor's schema allows

Items that a rule of the catalogue covers have none of these beside it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from abstracting.codes.sources import read_table
from abstracting.edits.expressions import Test, compile_text
from abstracting.edits.rules import ERROR, ITEM, SCHEMA, Rule, built_in, item_name
from abstracting.edits.schemas import code_list, schema_test, stage_forms
from abstracting.naaccr.items import VERSIONS, dictionary

# of the root of a file, or lists that grow with every release of the staging tables
_NO_LIST = frozenset({10, 30, 50, 2117, 2118})
_LISTS, _DATES = "NAACCR v25 and v26, code lists", "NAACCR date rule"
_FORMS = "NAACCR dictionary, AJCC TNM items"
_TABLES = "SEER*RSA staging tables: EOD public, TNM, Collaborative Stage"


def _table(name: str) -> list[dict[str, str]]:
    return read_table(files("abstracting.edits") / "data" / name)  # type: ignore[arg-type]


def _rule(identity: str, category: str, number: int, require: str, message: str, source: str) -> Rule:
    test = compile_text(require, {})
    return Rule(
        id=identity,
        category=category,
        level=ITEM,
        severity=ERROR,
        items=(number,),
        message=message,
        test=test,
        require=require,
        source=source,
        ends=((number,),),
        reads=(number,),
    )


@cache
def _covered() -> frozenset[int]:
    """The items whose codes a rule of the catalogue judges."""
    return frozenset(rule.items[0] for rule in built_in().rules if rule.level == ITEM and rule.id[:5] != "ITM22")


@cache
def _open_lists() -> dict[int, str]:
    return {int(row["item"]): row["codes"] for row in _table("open_lists.csv")}


def is_measure(number: int, value: str) -> bool:
    """Tells whether a value is a number of an item whose list names the special codes only, such as a dose."""
    for span in _open_lists().get(number, "").split():
        low, _, high = span.partition("-")
        if value.isdigit() and len(value) == len(low) and low <= value <= (high or low):
            return True
    return False


def code_list_rules() -> list[Rule]:
    """Gives a rule for every item with a list of codes."""
    open_lists = _open_lists()
    numbers = sorted({item.number for version in VERSIONS for item in dictionary(version)})
    rules = []
    for number in numbers:
        if number in _covered() or number in _NO_LIST:
            continue
        if number in open_lists:
            what = f"give a number of {len(open_lists[number].split()[0].split('-')[0])} digits"
            require = f"#{number} in [{open_lists[number]}]"
        elif code_list(number):
            what, require = "give a code of its list", f"in_code_list(#{number})"
        else:
            continue
        message = f"{item_name(number)} {{#{number}}} is not possible: {what}."
        rules.append(_rule(f"COD{number}", "code list", number, require, message, _LISTS))
    return rules


def date_rules() -> list[Rule]:
    """Gives a rule for every date but those that the catalogue names."""
    numbers = sorted({item.number for version in VERSIONS for item in dictionary(version) if item.type == "date"})
    return [
        _rule(
            f"DTE{number}",
            "date",
            number,
            f"is_date(#{number}) and not precedes(today, #{number})",
            f"{item_name(number)} {{#{number}}} is no real date up to today: give YYYYMMDD, YYYYMM or YYYY.",
            _DATES,
        )
        for number in numbers
        if number not in _covered()
    ]


def form_rules() -> list[Rule]:
    """Gives a rule for every stage category and group that a person enters by hand and no open table lists."""
    return [
        _rule(
            f"FRM{number}",
            "stage",
            number,
            f"is_written_as(#{number})",
            f"{item_name(number)} {{#{number}}} is not written in the form of this item: give it as in {example}.",
            _FORMS,
        )
        for number, (_, example) in stage_forms().items()
        if number not in _covered()
    ]


def schema_rules() -> list[Rule]:
    """Gives a rule for every item for which some staging schema lists valid codes."""
    rules = []
    for row in _table("schema_items.csv"):
        number = int(row["item"])
        if number in _covered():
            continue
        test: Test = schema_test(number)
        rules.append(
            Rule(
                id=f"SSD{number}",
                category="schema",
                level=SCHEMA,
                severity=ERROR,
                items=(number, 400, 522),
                message=(
                    f"{item_name(number)} {{#{number}}} is no code of the schema of {{site}} {{histology}}: "
                    "give one of the codes that the field offers."
                ),
                test=test,
                require=f"schema_allows(#{number})",
                source=f"{_TABLES}: {row['algorithms'].replace('_', ' ')}",
                ends=((number,), (400,), (522,)),
                reads=(number, *test.context),
            )
        )
    return rules
