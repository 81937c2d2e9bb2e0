"""How to repeat an answer elsewhere: R code, the settings of SEER*Stat, the references, and a citation with the data's hash."""

from __future__ import annotations

from geo.ages import GROUPINGS
from geo.reproduce import REFERENCES, SEER_STANDARDS, rates_in_r
from registry.analysis.cases_request import OLDEST, SEXES
from registry.analysis.rates import LEVEL, Answer
from registry.analysis.rates_cube import AGES
from registry.analysis.rates_map import HASH
from registry.analysis.rates_request import STANDARDS

_RATIO_R = """# standardised incidence ratio: observed over expected at the rates of the state
# cases, population: rows counties, columns sex and age group; state rates of the same years,
# in groups of ages and periods that may be published where small counts are hidden
state <- colSums(cases) / colSums(population)
expected <- as.vector(population %*% state)
observed <- rowSums(cases)
sir <- observed / expected
lower <- qchisq(.025, 2 * observed) / 2 / expected
upper <- qchisq(.975, 2 * (observed + 1)) / 2 / expected"""
_SMOOTH_R = {
    "eb": "spdep::EBest(observed, expected)$estmm  # Marshall's global empirical Bayes",
    "local": "spdep::EBlocal(observed, expected, neighbours)$est  # queen contiguity",
    "bym2": "INLA::inla(observed ~ f(county, model = 'bym2', graph = neighbours, scale.model = TRUE,\n"
    "  hyper = list(prec = list(prior = 'pc.prec', param = c(1, .01)), phi = list(prior = 'pc', param = c(.5, 2/3)))),\n"
    "  family = 'poisson', E = expected)$summary.fitted.values",
}
_LOCAL_R = """# ratios standardised by empirical Bayes (Assuncao and Reis), neighbors by queen contiguity
b <- sum(observed) / sum(expected)
v <- sum(expected * (sir - b)^2) / sum(expected) - b / mean(expected) + b / expected
value <- (sir - b) / sqrt(ifelse(v > 0, v, b / expected))
"""
_LOCAL_STATISTIC_R = {
    "moran": "local <- spdep::localmoran(value, spdep::nb2listw(neighbours), alternative = 'two.sided')\n"
    "p <- local[, 5]",
    "gstar": "z <- spdep::localG(value, spdep::nb2listw(spdep::include.self(neighbours), style = 'B'))\n"
    "p <- 2 * pnorm(-abs(z))",
}
_LATE_R = """# share of late stage with Wilson's interval
prop.test(late, cases, correct = FALSE)$conf.int"""
_PREVALENCE_R = """# persons alive at the date, the first tumor of each, per 100,000 residents
100000 * poisson.test(persons, residents)$conf.int"""
_KEYS = {
    "rate": ("tiwari", "fay-feuer"),
    "sir": ("sir",),
    "eb": ("sir", "empirical-bayes"),
    "local": ("sir", "empirical-bayes"),
    "bym2": ("bym2",),
    "moran": ("sir", "moran", "eb-index", "tango"),
    "gstar": ("sir", "gstar", "eb-index", "tango"),
}


def reproduce(found: Answer) -> list[tuple[str, str]]:
    """Gives titled texts to copy."""
    asked = found.request
    low = (asked.age_from or 0) // 5
    high = AGES if asked.age_to is None else min(asked.age_to, OLDEST) // 5 + 1
    groups = GROUPINGS[18][low:high]
    if asked.measure in ("rate", "crude", "count"):
        document = {
            "age_groups": [group.label for group in groups],
            "standard": asked.standard,
            "level": LEVEL,
            "per": 100_000,
            "interval": asked.interval,
        }
        code = rates_in_r(document).split("\n# SEER*Stat")[0].rstrip()
    elif asked.measure == "prevalence":
        code = _PREVALENCE_R
    elif asked.measure == "late":
        code = _LATE_R
    else:
        code = _RATIO_R
        if asked.measure in _SMOOTH_R:
            code += "\n" + _SMOOTH_R[asked.measure]
        if asked.measure in _LOCAL_STATISTIC_R:
            code += (
                "\n" + _LOCAL_R + _LOCAL_STATISTIC_R[asked.measure] + "\np.adjust(p, 'BH')  # kinds where at most .05"
            )
    return [("R", code), ("SEER*Stat", seer_stat(found)), ("References", references(found))]


def seer_stat(found: Answer) -> str:
    """Gives the settings of a rate session that count the same cases."""
    asked = found.request
    first, last = found.years
    session = (
        "Rates (Age-Adjusted)"
        if asked.measure == "rate"
        else "Rates (Crude)"
        if asked.measure == "crude"
        else "Frequencies"
    )
    lines = [
        f"Statistic: {session}",
        f"Year of diagnosis: {first}-{last}",
        f"Sex: {SEXES[asked.sex_in_force] if asked.sex_in_force else 'Male and female'}",
        f"Site recode ICD-O-3/WHO 2008: {', '.join(asked.codes) if asked.codes else 'all'}",
        f"Behavior recode for analysis: {asked.behavior}",
        f"Age at diagnosis: {asked.ages_in_words()}",
    ]
    if asked.measure == "rate":
        name = SEER_STANDARDS.get((asked.standard, 18), STANDARDS[asked.standard])
        lines += [
            f"Standard population: {name}",
            f"Intervals: {'Tiwari et al. 2006' if asked.interval == 'tiwari' else 'Fay and Feuer 1997'}",
        ]
    if asked.stage:
        lines.append(f"Summary stage: {asked.stage}")
    if not asked.dco:
        lines.append("Type of reporting source: not death certificate only")
    if not asked.autopsy:
        lines.append("Type of reporting source: not autopsy only")
    return "\n".join([*lines, "Table, row: county at diagnosis (analysis)"])


def references(found: Answer) -> str:
    """Gives the references of the methods used."""
    asked = found.request
    keys = (asked.interval,) if asked.measure == "rate" else _KEYS.get(asked.measure, ())
    lines = [REFERENCES[key] for key in keys]
    if asked.trend and asked.measure in ("rate", "crude"):
        lines += [REFERENCES["joinpoint"], REFERENCES["aapc"]]
    if found.policy.published:
        lines.append(
            "Fréchet M. Sur les tableaux de corrélation dont les marges sont données. Ann Univ Lyon A 1951;14:53-77 "
            "(bounds behind the suppression)."
        )
    return "\n".join(lines)


def citation(found: Answer, registry: str) -> str:
    """Gives a line that names the data down to their hash."""
    snapshot = found.snapshot
    return (
        f"{registry}. {found.request.figure.title}: {found.title}. Data snapshot {snapshot.version[:HASH]} of "
        f"{snapshot.made_at[:10]}; population: {found.area.population}. Computed with OncoRegistry."
    )
