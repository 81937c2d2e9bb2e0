"""Reproduce: the same result in R, SEER*Stat or Joinpoint, and the method in words with its references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REFERENCES = {
    "fay-feuer": "Fay MP, Feuer EJ. Confidence intervals for directly standardized rates. Stat Med 1997;16:791-801.",
    "tiwari": "Tiwari RC, Clegg LX, Zou Z. Efficient interval estimation for age-adjusted cancer rates. "
    "Stat Methods Med Res 2006;15:547-569.",
    "ratio": "Fay MP. Approximate confidence intervals for rate ratios from directly standardized rates with sparse "
    "data. Commun Stat Theory Methods 1999;28:2141-2160.",
    "sir": "Breslow NE, Day NE. Statistical methods in cancer research, volume II. IARC 1987, chapter 2.",
    "empirical-bayes": "Marshall RJ. Mapping disease and mortality rates using empirical Bayes estimators. "
    "Appl Stat 1991;40:283-294.",
    "bym2": "Riebler A, Sorbye SH, Simpson D, Rue H. An intuitive Bayesian spatial model for disease mapping. "
    "Stat Methods Med Res 2016;25:1145-1165.",
    "moran": "Anselin L. Local indicators of spatial association. Geogr Anal 1995;27:93-115.",
    "gstar": "Ord JK, Getis A. Local spatial autocorrelation statistics. Geogr Anal 1995;27:286-306.",
    "eb-index": "Assunção RM, Reis EA. A new proposal to adjust Moran's I for population density. "
    "Stat Med 1999;18:2147-2162.",
    "tango": "Tango T. A class of tests for detecting general and focused clustering of rare diseases. "
    "Stat Med 1995;14:2323-2334.",
    "joinpoint": "Kim HJ, Fay MP, Feuer EJ, Midthune DN. Permutation tests for joinpoint regression. "
    "Stat Med 2000;19:335-351.",
    "aapc": "Clegg LX, Hankey BF, Tiwari R, Feuer EJ, Edwards BK. Estimating average annual per cent change in trend "
    "analysis. Stat Med 2009;28:3670-3682.",
    "lerman": "Lerman PM. Fitting segmented regression models by grid search. Appl Stat 1980;29:77-84.",
    "suppression": "Fischetti M, Salazar JJ. Solving the cell suppression problem on tabular data with linear "
    "constraints. Manag Sci 2001;47:1008-1027.",
}
SEER_STANDARDS = {
    ("us2000", 18): "2000 US Std Population (18 age groups - Census P25-1130)",
    ("us2000", 19): "2000 US Std Population (19 age groups - Census P25-1130)",
    ("us2000", 20): "2000 US Std Population (20 age groups - Census P25-1130)",
    ("us2000_million", 19): "2000 US Std Million (19 age groups)",
    ("segi", 18): "World (Segi 1960) Std Million (18 age groups)",
    ("segi", 19): "World (Segi 1960) Std Million (19 age groups)",
    ("who2000", 18): "World (WHO 2000-2025) Std Million (18 age groups)",
    ("who2000", 19): "World (WHO 2000-2025) Std Million (19 age groups)",
    ("eu1976", 18): "European (Scandinavian 1960) Std Million (18 age groups)",
    ("eu1976", 19): "European (Scandinavian 1960) Std Million (19 age groups)",
    ("esp2013", 18): "European (EU-27 plus EFTA 2011-2030) Std Million (18 age groups)",
    ("esp2013", 19): "European (EU-27 plus EFTA 2011-2030) Std Million (19 age groups)",
}


def _vector(values: Any) -> str:
    return f"c({', '.join(f'{value:.10g}' for value in values)})"


def rates_in_r(document: Mapping[str, Any]) -> str:
    """Gives R code for the rates of a `geo rates` document: data per group to be filled in, the weights as used."""
    from geo.ages import parse_groups
    from geo.standards import NAMES, standard_population

    groups = parse_groups(document["age_groups"])
    standard, level = document["standard"], document["level"]
    weights = standard_population(standard).weights(groups, whole=False) if standard in NAMES else []
    upper = "  upper <- v1 / (2 * y1) * qchisq(1 - a / 2, 2 * y1^2 / v1)"
    extra = "max(w), max(w)^2" if document["interval"] == "fay-feuer" else "mean(w), mean(w^2)"
    seer = SEER_STANDARDS.get((standard, len(groups)))
    lines = [
        f"# age-adjusted rates per {document['per']:g}, ages {', '.join(document['age_groups'])}",
        "# cases, population: one value per age group, in this order",
        f"weights <- {_vector(weights)}  # {standard}",
        "rate_of <- function(cases, population) {",
        f"  w <- ifelse(population > 0, weights / population, 0); a <- {1 - level:g}",
        "  y <- sum(w * cases); v <- sum(w^2 * cases)",
        "  lower <- if (y > 0) v / (2 * y) * qchisq(a / 2, 2 * y^2 / v) else 0",
        f"  more <- c({extra}); y1 <- y + more[1]; v1 <- v + more[2]",
        upper,
        f"  {document['per']:g} * c(rate = y, se = sqrt(v), lower = lower, upper = upper)",
        "}",
    ]
    if document["interval"] == "fay-feuer":
        lines.append(
            f"# the same: epitools::ageadjust.direct(cases, population, stdpop = weights, conf.level = {level:g})"
        )
    lines += [
        "",
        "# SEER*Stat: Rate session, Statistic: Rates (Age-Adjusted), Standard Population: "
        + (seer or "user-defined with the weights above"),
        f"#   Confidence intervals: {'Tiwari et al. 2006' if document['interval'] == 'tiwari' else 'Fay and Feuer'}",
        f"# {REFERENCES[document['interval']]}",
    ]
    return "\n".join(lines)


def joinpoint_settings(document: Mapping[str, Any]) -> str:
    """Gives the settings of the Joinpoint program that repeat a `geo trend` document, with references."""
    method = {
        "permutation": f"Permutation test, overall alpha {document['alpha']:g}, {document['permutations']} permutations, "
        f"seed {document['seed']} (random numbers differ between programs)",
        "bic": "BIC",
        "bic3": "BIC3",
        "wbic": "Weighted BIC",
    }[document["method"]]
    return "\n".join(
        [
            "Joinpoint Trend Analysis Software, settings:",
            "  Log transformation: ln(y) = xb",
            "  Heteroscedastic errors: standard error (provided)",
            "  Method: grid search; uncorrelated errors",
            f"  Number of joinpoints: minimum 0, maximum {document['max_joinpoints']}",
            f"  Observations from a joinpoint to either end (joinpoint excluded): {document['ends']}",
            f"  Observations between two joinpoints (joinpoints excluded): {document['between']}",
            f"  Points between two observations: {document['grid']}",
            f"  Model selection: {method}",
            "  APC and AAPC intervals: parametric",
            "",
            *[f"  {REFERENCES[name]}" for name in ("joinpoint", "lerman", "aapc")],
        ]
    )


def method_words(*, standard: str, interval: str, threshold: int, age_groups: int) -> str:
    """Gives the sentence that belongs under a table or map of rates."""
    from geo.standards import NAMES

    name = {"tiwari": "Tiwari", "fay-feuer": "Fay and Feuer"}[interval]
    return (
        f"Rates are age-adjusted to the {NAMES.get(standard, standard)} in {age_groups} age groups; intervals after {name}. "
        f"Counts under {threshold} and cells that would give them away are suppressed with everything computed from them."
    )
