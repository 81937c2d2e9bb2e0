"""How to obtain a result again: the equivalent R call, the method in words with references, and a citation line."""

from __future__ import annotations

from dataclasses import dataclass

from survival import r_calls
from survival.r_calls import Columns
from survival.results import Result

REFERENCES: dict[str, str] = {
    "kaplan": "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat Assoc 1958;53:457-81.",
    "greenwood": "Greenwood M. The errors of sampling of the survivorship tables. Rep Public Health Med Subj 1926;33.",
    "cutler": "Cutler SJ, Ederer F. Maximum utilization of the life table method. J Chronic Dis 1958;8:699-712.",
    "perme": "Perme MP, Stare J, Esteve J. On estimation in relative survival. Biometrics 2012;68:113-20.",
    "ederer": "Ederer F, Axtell LM, Cutler SJ. The relative survival rate. Natl Cancer Inst Monogr 1961;6:101-21.",
    "hakulinen": "Hakulinen T. Cancer survival corrected for heterogeneity in patient withdrawal. Biometrics 1982;38:933-42.",
    "icss": "Corazziari I, Quinn M, Capocaccia R. Standard cancer patient population for age standardising survival "
    "ratios. Eur J Cancer 2004;40:2307-16.",
    "brenner": "Brenner H, Arndt V, Gefeller O, Hakulinen T. An alternative approach to age adjustment of cancer survival "
    "rates. Eur J Cancer 2004;40:2317-22.",
    "aalen": "Aalen OO, Johansen S. An empirical transition matrix for non-homogeneous Markov chains based on censored "
    "observations. Scand J Stat 1978;5:141-50.",
    "period": "Brenner H, Gefeller O. An alternative approach to monitoring cancer patient survival. Cancer "
    "1996;78:2004-10.",
    "cronin": "Cronin KA, Feuer EJ. Cumulative cause-specific mortality for cancer patients in the presence of other "
    "causes. Stat Med 2000;19:1729-40.",
    "schemper": "Schemper M, Smith TL. A note on quantifying follow-up in studies of failure time. Control Clin Trials "
    "1996;17:343-6.",
    "gail": "Gail MH, et al. Two approaches for estimating disease prevalence from population-based registries. "
    "Biometrics 1999;55:1137-44.",
    "capocaccia": "Capocaccia R, De Angelis R. Estimating the completeness of prevalence based on cancer registry data. "
    "Stat Med 1997;16:425-40.",
    "ganesh": "Ganesh B. Effect of lost to follow-up in estimating survival rates. Natl Med J India 1995.",
    "graffeo": "Graffeo N, et al. A log-rank-type test to compare net survival distributions. Biometrics 2016;72:760-8.",
}

# by method: what was done, in a sentence, and the references that belong to it
METHODS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kaplan-meier": (
        "Survival was estimated by the Kaplan-Meier method with Greenwood's standard error",
        ("kaplan", "greenwood"),
    ),
    "reverse-kaplan-meier": (
        "Follow-up was described by the reversed Kaplan-Meier method, deaths counting as censored",
        ("schemper", "kaplan"),
    ),
    "life-table": (
        "Survival was estimated by the actuarial method with Greenwood's standard error, those withdrawn counting half",
        ("cutler", "greenwood"),
    ),
    "restricted-mean": (
        "Restricted mean survival time is the area under the Kaplan-Meier curve; life years lost are its complement",
        ("kaplan",),
    ),
    "pohar-perme": ("Net survival was estimated by the Pohar Perme method with daily integration", ("perme",)),
    "ederer1": ("Relative survival was estimated with Ederer I expected survival", ("ederer",)),
    "ederer2": ("Relative survival was estimated with Ederer II expected survival, day by day", ("ederer",)),
    "hakulinen": ("Relative survival was estimated with Hakulinen's expected survival", ("hakulinen",)),
    "crude-probability-of-death": (
        "Crude probabilities of death from cancer and from other causes were estimated from background mortality",
        ("cronin",),
    ),
    "loss-adjusted": (
        "Survival was adjusted for losses to follow-up that depend on prognostic groups",
        ("ganesh", "kaplan"),
    ),
    "limited-duration-prevalence": ("Limited-duration prevalence was obtained by the counting method", ("gail",)),
    "complete-prevalence": (
        "Complete prevalence was obtained from limited-duration prevalence by the completeness index",
        ("gail", "capocaccia"),
    ),
    "aalen-johansen": ("Cumulative incidence was estimated by the Aalen-Johansen method", ("aalen",)),
    "net-log-rank": ("Net survival was compared by a log-rank-type test", ("graffeo",)),
}


@dataclass(frozen=True)
class Reproduction:
    """What a reader needs to obtain the result again and to cite it."""

    r_call: str
    method_text: str
    references: tuple[str, ...]
    citation: str


def reproduce(
    result: Result, *, snapshot: str = "", registry: str = "", definition: str = "", columns: Columns | None = None
) -> Reproduction:
    """Gives the R call, the method text and the citation of a result.

    `snapshot` is the hash of the data, `registry` the name of the source, `definition` the case definition in one
    sentence (`survival.selection.describe`), `columns` what the R call reads (by default time, event and so on).
    """
    text, names = method_text(result)
    if definition:
        text = f"{definition} {text}"
    source = f"{registry}. " if registry else ""
    hashed = f" Data snapshot {snapshot}." if snapshot else ""
    citation = (
        f"{source}{result.method}, {result.n} persons, {result.events} events.{hashed} Computed with OncoRegistry."
    )
    return Reproduction(r_call(result, columns=columns), text, tuple(REFERENCES[name] for name in names), citation)


def method_text(result: Result) -> tuple[str, tuple[str, ...]]:
    """Gives the method of a result in sentences ready to paste, and the keys of its references."""
    settings = result.settings
    sentence, keys = METHODS.get(result.method, (f"The method was {result.method}", ()))
    names = list(keys)
    sentences = [sentence + "."]
    if table := settings.get("life_table"):
        sentences.append(f"Background mortality came from the life table {table} by sex, single year of age and year.")
    if settings.get("delayed_entry"):
        sentences.append("A calendar window was analysed by delayed entry, with weights from diagnosis.")
        names.append("period")
    if standard := settings.get("standard"):
        way = "individual weights" if settings.get("weighting") == "individual" else "weights of age groups"
        sentences.append(f"Estimates were standardised to {standard.upper()} by {way}.")
        names += ["icss", *(["brenner"] if settings.get("weighting") == "individual" else [])]
    if given := settings.get("given"):
        sentences.append(
            f"Survival is conditional on being alive at {given:g} {settings.get('at_unit') or ''}".rstrip() + "."
        )
    if compat := settings.get("compat"):
        sentences.append(f"The computation follows the program {compat}, its known deviations included.")
    if level := settings.get("level"):
        scale = f" on the {settings['ci']} scale" if settings.get("ci") else ""
        sentences.append(f"Confidence limits are at {100 * level:g} %{scale}.")
    return " ".join(sentences), tuple(names)


def r_call(result: Result, *, columns: Columns | None = None) -> str:
    """Gives the R code that computes the same numbers, on a data frame with the columns of `Columns`."""
    entry = "entry" if result.settings.get("delayed_entry") else ""
    columns = columns or Columns(by=result.by, entry=entry)
    return r_calls.r_call(result.method, result.settings, columns)
