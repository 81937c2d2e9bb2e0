"""`--r-call` of every survival command: its options as an R call on the same file."""

from __future__ import annotations

from typing import Any

from survival.r_calls import DAYS, Columns, r_call, read_rates

METHODS = {
    "km": "kaplan-meier",
    "lifetable": "life-table",
    "rmst": "restricted-mean",
    "crude": "crude-probability-of-death",
    "net-test": "net-log-rank",
    "prevalence": "limited-duration-prevalence",
    "logrank": "log-rank",
    "cif": "aalen-johansen",
    "finegray": "fine-gray",
    "cox": "cox",
    "excess": "excess-hazard",
    "flexible": "flexible-parametric",
}
BACKGROUND = ("net", "crude", "net-test", "excess", "flexible")


def code_of(command: str, options: dict[str, Any]) -> str:
    """Gives the R code of a command's options, from the reading of the file on; nothing of the file is read here."""
    method = options.get("method") if command == "net" else METHODS[command]
    if command == "km" and options.get("reverse"):
        method = "reverse-kaplan-meier"
    background = command in BACKGROUND
    settings = dict(options)
    settings["unit"] = settings.get("at_unit") or options["time_unit"]
    if command == "rmst":
        settings["tau"] = options.get("at")
    settings["cause"] = (options.get("cause") or options["event_code"])[0]
    settings["censored"] = options.get("censor_code", "0")
    settings["index"] = options.get("index_date")
    columns = _columns(options, background=background, by_strata=command not in ("cox", "logrank", "net-test"))
    if command == "logrank" and not columns.by:
        columns = Columns(**{**vars(columns), "by": columns.strata, "strata": ()})
    lines = [f'cohort <- read.csv("{options["data"]}")']
    if str(options["data"]).endswith(".parquet"):
        lines = [f'cohort <- arrow::read_parquet("{options["data"]}")']
    if background:
        lines += _background(options)
    lines.append(r_call(str(method), settings, columns))
    if command == "cif" and options.get("test"):
        lines.append(r_call("gray", settings, columns))
    return "\n".join(lines)


def _columns(options: dict[str, Any], *, background: bool, by_strata: bool) -> Columns:
    unit = options["time_unit"]
    if options.get("exit_"):
        time, entry, unit = f"as.numeric(as.Date({options['exit_']}) - as.Date({options['entry']}))", "", "days"
    else:
        time, entry = str(options["time"]), options.get("entry") or ""
    if background and unit != "days":
        # relsurv counts in days
        time, entry = f"{time} * {DAYS[unit]:g}", f"{entry} * {DAYS[unit]:g}" if entry else ""
        unit = "days"
    codes = options["event_code"]
    event = options["event"]
    if len(codes) > 1:
        listed = ", ".join('"' + code + '"' for code in codes)
        event = f"{event} %in% c({listed})"
    else:
        event = f"{event} == {codes[0] if _is_number(codes[0]) else chr(34) + codes[0] + chr(34)}"
    by, strata = tuple(options.get("by") or ()), tuple(options.get("strata") or ())
    return Columns(
        time=time,
        event=event,
        entry=entry,
        status=options["event"],
        age=f"{options.get('age')}{' * 365.241' if options.get('age_unit') == 'years' else ''}",
        sex=str(options.get("sex")),
        date=f"as.Date({options['date']})" if options.get("date") else "date",
        by=tuple(dict.fromkeys((*by, *strata))) if by_strata else by,
        strata=() if by_strata else strata,
        covariates=tuple(options.get("covariates") or ()),
        unit=unit,
    )


def _background(options: dict[str, Any]) -> list[str]:
    if options["life_table"] == "us":
        return ["table <- survival::survexp.us"]
    return read_rates(options["life_table"], men='c(1, "male")', women='c(2, "female")')


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
