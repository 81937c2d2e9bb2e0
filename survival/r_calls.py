"""The R code that computes the same numbers, for every method: the function that defines it, with its arguments.

Functions and arguments are those of survival 3.5, relsurv 2.2, cmprsk 2.2 and rstpm2 1.6. Where no package has the
method, the code says it in base R, or a comment says that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from survival.standards import standard

DAYS = {"days": 1.0, "months": 30.4375, "years": 365.241}
NONE = "# no R function computes {} as defined here; see the method text"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The R expressions of a data frame's columns that a call reads; `entry` is empty without delayed entry."""

    time: str = "time"
    event: str = "event"
    entry: str = ""
    status: str = "status"
    age: str = "age"
    sex: str = "sex"
    date: str = "date"
    by: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    unit: str = "days"

    @property
    def right(self) -> str:
        """The right side of a formula by groups."""
        return " + ".join(self.by) or "1"

    def surv(self, event: str = "") -> str:
        """The left side of a formula."""
        return f"Surv({f'{self.entry}, ' if self.entry else ''}{self.time}, {event or self.event})"

    @property
    def rmap(self) -> str:
        """How relsurv finds age, sex and date."""
        return f"list(age = {self.age}, sex = {self.sex}, year = {self.date})"


def r_call(method: str, settings: Mapping[str, Any], columns: Columns | None = None, *, data: str = "cohort") -> str:
    """Gives the R code of a method (the names of `Result.method`, and of tests and models) with its settings."""
    columns = columns or Columns()
    write = _CALLS.get(method)
    return NONE.format(method) if write is None else write(columns, settings, data)


def read_rates(file: str, *, men: str = "1", women: str = "2") -> list[str]:
    """Gives the lines that make relsurv's rate table of a life table in long form; years between two take the earlier."""
    return [
        f'rates <- read.csv("{file}")  # year, age, sex, annual_prob',
        "years <- sort(unique(rates$year))",
        "survive <- function(s) 1 - t(xtabs(annual_prob ~ year + age, rates[rates$sex %in% s, ]))[, "
        "findInterval(min(years):max(years), years)]",
        f"table <- relsurv::transrate(survive({men}), survive({women}), yearlim = range(years), int.length = 1)",
    ]


def vector(values: Sequence[float], factor: float = 1.0) -> str:
    """Gives numbers as R has them, times a factor; a number alone stands without c()."""
    numbers = ", ".join(f"{value:g}" for value in values)
    text = numbers if len(values) == 1 else f"c({numbers})"
    return text if factor == 1.0 else f"{text} * {factor:g}"


def _factor(c: Columns, s: Mapping[str, Any]) -> float:
    """How many of the data's units are one unit of the times asked for."""
    return DAYS[s.get("at_unit") or c.unit] / DAYS[c.unit]


def _times(c: Columns, s: Mapping[str, Any], *, name: str = "times") -> str:
    return f", {name} = {vector(s['at'], _factor(c, s))}" if s.get("at") else ""


def _limits(s: Mapping[str, Any], scales: Sequence[str] = ("log", "log-log", "plain", "logit", "arcsin")) -> str:
    scale = s.get("ci") or "log"
    return f', conf.type = "{scale if scale in scales else "log"}", conf.int = {s.get("level") or 0.95:g}'


def _survfit(c: Columns, s: Mapping[str, Any], data: str, *, event: str = "", right: str = "") -> str:
    # R keeps who leaves at start.time itself; survival beyond it begins just after
    start = f", start.time = {vector([s['given']], _factor(c, s))} + 1e-8" if s.get("given") else ""
    return f"survfit({c.surv(event)} ~ {right or c.right}, data = {data}{_limits(s)}{start})"


def _by_age(c: Columns, s: Mapping[str, Any], data: str, survival: str, *, package: str) -> str:
    """The weighted mean over age groups of an estimate, in each group `by`; `survival` computes it of rows x."""
    chosen = standard(s["standard"], **({"lower": s["ages"]} if s.get("ages") else {}))
    bounds = ", ".join(f"{age}" for age in (0, *chosen.lower[1:]))
    weights = ", ".join(f"{weight:.10g}" for weight in chosen.weights)
    groups = f"list({', '.join(f'{data}${name}' for name in c.by)})" if c.by else f"rep(1, nrow({data}))"
    lines = [
        f"library({package})",
        f"{data}$age_group <- cut({data}${c.age} / 365.241, c({bounds}, Inf), right = FALSE)  # {chosen.name.upper()}",
        f"w <- c({weights})",
    ]
    if s.get("weighting") == "individual":
        return "\n".join(
            [
                *lines,
                "# individual weights: every person weighs w / (share of the age group)",
                f"{data}$w <- (w / prop.table(table({data}$age_group)))[{data}$age_group]",
                f"summary(survfit({c.surv()} ~ {c.right}, data = {data}, weights = w{_limits(s)}){_times(c, s)})",
            ]
            if package == "survival"
            else [*lines, NONE.format("individual weights")]
        )
    return "\n".join(
        [
            *lines,
            f"by({data}, {groups}, function(g) {{",
            f"  parts <- lapply(split(g, g$age_group), function(x) {survival})",
            "  s <- sapply(parts, function(p) p$surv)  # a part that ends early ends the standardised estimate",
            "  se <- sapply(parts, function(p) p$std.err)",
            "  cbind(estimate = drop(rbind(s) %*% w), se = sqrt(drop(rbind(se)^2 %*% w^2)))",
            "})",
        ]
    )


def _probabilities_by_age(
    c: Columns, s: Mapping[str, Any], data: str, one: str, *, package: str, value: str, error: str
) -> str:
    """The weighted mean over age groups of several probabilities; `one` computes them of rows x, the others read it."""
    head = _by_age(c, s, data, one, package=package).split("  s <- sapply")[0].rstrip("\n")
    return "\n".join(
        [
            head,
            "  weigh <- function(of, k) Reduce(`+`, Map(function(w, p) (w * of(p))^k, w, parts))",
            f"  list(estimate = weigh(function(p) {value}, 1), se = sqrt(weigh(function(p) {error}, 2)))",
            "})",
        ]
    )


def _kaplan_meier(c: Columns, s: Mapping[str, Any], data: str) -> str:
    if s.get("standard"):
        one = f"summary({_survfit(c, s, 'x', right='1')}{_times(c, s)})"
        return _by_age(c, s, data, one, package="survival")
    return f"library(survival)\nsummary({_survfit(c, s, data)}{_times(c, s)})"


def _reverse(c: Columns, s: Mapping[str, Any], data: str) -> str:
    return f"library(survival)\nprint({_survfit(c, s, data, event=f'1 - ({c.event})')})"


def _restricted_mean(c: Columns, s: Mapping[str, Any], data: str) -> str:
    tau = s.get("tau")
    limit = vector([tau[0]], _factor(c, s)) if tau else '"common"'
    return f"library(survival)\nprint({_survfit(c, s, data)}, rmean = {limit})"


def _life_table(c: Columns, s: Mapping[str, Any], data: str) -> str:
    unit = {"days": 1.0, "months": 30.4375, "years": 365.25}
    scale = unit[s.get("unit") or c.unit] / unit[c.unit]
    breaks = list(s.get("breaks") or [])
    even = len(breaks) > 8 and len({round(b - a, 9) for a, b in pairwise(breaks)}) == 1
    bounds = f"seq({breaks[0]:g}, {breaks[-1]:g}, {breaks[1] - breaks[0]:g})" if even else vector(breaks or [0.0, 1.0])
    groups = f"list({', '.join(f'{data}${name}' for name in c.by)})" if c.by else f"rep(1, nrow({data}))"
    entry = "  # delayed entry is not in this code\n" if c.entry else ""
    return (
        '# actuarial method on completed intervals; popEpi\'s survtab(surv.method = "lifetable") agrees at its breaks\n'
        f"breaks <- {bounds}\n{entry}"
        f"by({data}, {groups}, function(x) {{\n"
        f"  at <- with(x, cut({c.time}{'' if scale == 1 else f' / {scale:g}'}, c(breaks, Inf), right = FALSE))\n"
        f"  d <- tapply(with(x, +({c.event})), at, sum, default = 0)\n"
        "  n <- rev(cumsum(rev(table(at))))\n"
        "  effective <- n - (table(at) - d) / 2\n"
        "  s <- cumprod(1 - d / effective)\n"
        "  se <- s * sqrt(cumsum(d / (effective * (effective - d))))\n"
        "  head(data.frame(end = c(breaks[-1], Inf), n = c(n), d = c(d), survival = c(s), se = c(se)), -1)\n"
        "})"
    )


def _incidence(c: Columns, s: Mapping[str, Any], data: str) -> str:
    # a factor whose first level is censored makes survfit estimate every cause
    status = c.status if c.status.startswith("factor(") else f"factor({c.status})"
    if s.get("standard"):
        one = f"summary({_survfit(c, s, 'x', event=status, right='1')}{_times(c, s)})"
        value, error = "p$pstate[, -1]", "p$std.err[, -1]"
        return _probabilities_by_age(c, s, data, one, package="survival", value=value, error=error)
    return f"library(survival)\nsummary({_survfit(c, s, data, event=status)}{_times(c, s)})"


def _net(method: str) -> Callable[[Columns, Mapping[str, Any], str], str]:
    def write(c: Columns, s: Mapping[str, Any], data: str) -> str:
        if s.get("compat") == "popepi":
            return _popepi(c, s, data, method)
        if method == "hakulinen":
            return (
                "library(survival)  # relsurv's own Hakulinen looks rates up at wrong dates\n"
                f"observed <- summary({_survfit(c, s, data)}{_times(c, s)})\n"
                f"expected <- survexp(potential ~ {c.right}, rmap = {c.rmap}, ratetable = table, data = {data}, "
                f'method = "hakulinen"{_times(c, s)})  # potential: days from diagnosis to the end of the study\n'
                "observed$surv / c(expected$surv)"
            )
        own = {**s, "ci": s.get("ci") if s.get("ci") in ("plain", "log", "log-log") else "log"}
        added = _times(c, s, name="add.times") if s.get("at") else ""
        shown = f"summary({{}}{_times(c, s)})" if s.get("at") else "summary({})"

        def fit(rows: str, right: str) -> str:
            return shown.format(
                f"rs.surv({c.surv()} ~ {right}, data = {rows}, ratetable = table, rmap = {c.rmap}, "
                f'method = "{method}"{_limits(own)}{added})'
            )

        if s.get("standard"):
            text = _by_age(c, s, data, fit("x", "1"), package="relsurv")
        else:
            text = f"library(relsurv)\n{fit(data, c.right)}"
        notes = []
        if c.entry:
            notes.append("# needs a relsurv that reads Surv(start, stop): 2.2 does not")
        if s.get("given"):
            notes.append(f"# conditional: net survival at each time over that at {vector([s['given']], _factor(c, s))}")
        if method == "pohar-perme" and s.get("compat") != "relsurv":
            notes.append("# rs.surv averages its integrand between follow-up times: small differences come from there")
        return "\n".join([text, *notes])

    return write


def _popepi(c: Columns, s: Mapping[str, Any], data: str, method: str) -> str:
    way = {"pohar-perme": "pp", "ederer2": "e2"}.get(method, "pp")
    return (
        "library(popEpi)\n"
        f"lexis <- Lexis(entry = list(FUT = 0, AGE = {c.age} / 365.25, CAL = get.yrs({c.date})), "
        f"duration = {c.time} / 365.25, exit.status = {c.event}, data = {data})\n"
        f"survtab(FUT ~ {c.right}, data = lexis, pophaz = table, breaks = list(FUT = seq(0, 10, 1 / 12)), "
        f'surv.type = "surv.rel", relsurv.method = "{way}"{_limits(s).replace("conf.int", "conf.level")})'
    )


def _crude(c: Columns, s: Mapping[str, Any], data: str) -> str:
    level = f", conf.int = {s.get('level') or 0.95:g}"
    if s.get("standard"):
        one = f"summary(cmp.rel({c.surv()} ~ 1, data = x, ratetable = table, rmap = {c.rmap}{level}){_times(c, s)}, scale = 1)"
        return _probabilities_by_age(c, s, data, one, package="relsurv", value="p$est", error="sqrt(p$var)")
    fit = f"cmp.rel({c.surv()} ~ {c.right}, data = {data}, ratetable = table, rmap = {c.rmap}{level})"
    return f"library(relsurv)\nsummary({fit}{_times(c, s)}, scale = 1)"


def _net_test(c: Columns, s: Mapping[str, Any], data: str) -> str:
    inside = "".join(f" + strata({name})" for name in c.strata)
    return (
        f"library(relsurv)\nrs.diff({c.surv()} ~ {c.right}{inside}, data = {data}, ratetable = table, rmap = {c.rmap})"
    )


def _log_rank(c: Columns, s: Mapping[str, Any], data: str) -> str:
    inside = "".join(f" + strata({name})" for name in c.strata)
    weight, rho, gamma = s.get("weight") or "logrank", s.get("rho") or 0, s.get("gamma") or 0
    if weight in ("gehan", "tarone-ware", "peto") or gamma:
        named = {"gehan": "n", "tarone-ware": "sqrtN", "peto": "S1"}.get(weight, f"FH_p={rho:g}_q={gamma:g}")
        return (
            f"library(survMisc)  # the row {named}\n"
            f"comp(ten({c.surv()} ~ {c.right}{inside}, data = {data}), p = {rho:g}, q = {gamma:g})"
        )
    power = f", rho = {rho:g}" if rho else ""
    if c.entry:
        fit = f"coxph({c.surv()} ~ factor({', '.join(c.by) or '1'}){inside}, data = {data})"
        return (
            "library(survival)  # survdiff knows no delayed entry: the score test of Cox's model is the same test\n"
            f"summary({fit})$sctest"
        )
    return f"library(survival)\nsurvdiff({c.surv()} ~ {c.right}{inside}, data = {data}{power})"


def _gray(c: Columns, s: Mapping[str, Any], data: str) -> str:
    groups = f"interaction({', '.join(c.by)})" if len(c.by) > 1 else next(iter(c.by), "group")
    inside = f", strata = {c.strata[0]}" if c.strata else ""
    status, censored = _plain(c.status), s.get("censored", 0)
    return f'library(cmprsk)\nwith({data}, cuminc({c.time}, {status}, {groups}{inside}, cencode = "{censored}"))$Tests'


def _fine_gray(c: Columns, s: Mapping[str, Any], data: str) -> str:
    return (
        f"library(cmprsk)\nx <- model.matrix(~ {' + '.join(c.covariates)}, {data})[, -1, drop = FALSE]\n"
        f"summary(with({data}, crr({c.time}, {_plain(c.status)}, x, "
        f'failcode = "{s.get("cause", 1)}", cencode = "{s.get("censored", 0)}")))'
    )


def _plain(status: str) -> str:
    """The status itself, where the expression is a factor of it."""
    return status.removeprefix("factor(").partition(",")[0].rstrip(")")


def _cox(c: Columns, s: Mapping[str, Any], data: str) -> str:
    inside = "".join(f" + strata({name})" for name in c.strata)
    robust = f", cluster = {s['cluster']}" if s.get("cluster") else ", robust = TRUE" if s.get("robust") else ""
    return (
        f"library(survival)\nfit <- coxph({c.surv()} ~ {' + '.join(c.covariates)}{inside}, data = {data}, "
        f'ties = "{s.get("ties") or "efron"}"{robust})\nsummary(fit)\n'
        f'cox.zph(fit, transform = "{s.get("transform") or "km"}", terms = FALSE)'
    )


def _excess(c: Columns, s: Mapping[str, Any], data: str) -> str:
    return (
        f"library(relsurv)\nsummary(rsadd({c.surv()} ~ {' + '.join(c.covariates)}, data = {data}, ratetable = table, "
        f'rmap = {c.rmap}, int = {vector(s.get("breaks") or [0, 1, 2, 3, 4, 5])}, method = "max.lik"))'
    )


def _flexible(c: Columns, s: Mapping[str, Any], data: str) -> str:
    scale = DAYS["years"] / DAYS[c.unit]
    entry = f"{c.entry} / {scale:g}, " if c.entry else ""
    return (
        "library(rstpm2)  # hazard: the background hazard per year at the end of follow-up\n"
        f"summary(stpm2(Surv({entry}{c.time} / {scale:g}, {c.event}) ~ {' + '.join(c.covariates)}, data = {data}, "
        f"df = {s.get('df') or 4}, bhazard = {data}$hazard))"
    )


def _prevalence(c: Columns, s: Mapping[str, Any], data: str) -> str:
    index = f'as.Date("{s["index"]}")' if s.get("index") else "index"
    return (
        f"# the counting method; those lost before the index date count by their chance to be alive on it\n"
        f"with({data}, sapply({vector(s.get('at') or [5.0])}, function(d) sum({c.date} > {index} - d * 365.241 & "
        f"{c.date} <= {index} & {c.date} + {c.time} > {index})))"
    )


_CALLS: dict[str, Callable[[Columns, Mapping[str, Any], str], str]] = {
    "kaplan-meier": _kaplan_meier,
    "reverse-kaplan-meier": _reverse,
    "restricted-mean": _restricted_mean,
    "life-table": _life_table,
    "aalen-johansen": _incidence,
    "pohar-perme": _net("pohar-perme"),
    "ederer1": _net("ederer1"),
    "ederer2": _net("ederer2"),
    "hakulinen": _net("hakulinen"),
    "crude-probability-of-death": _crude,
    "net-log-rank": _net_test,
    "log-rank": _log_rank,
    "gray": _gray,
    "fine-gray": _fine_gray,
    "cox": _cox,
    "excess-hazard": _excess,
    "flexible-parametric": _flexible,
    "limited-duration-prevalence": _prevalence,
    "complete-prevalence": _prevalence,
}
