"""The R code of every method: the right function of the right package with its arguments, and code that R can read.

The calls of the commands below were run with R 4.2.2 (survival 3.5-3, relsurv 2.2-9, cmprsk 2.2-11) on the reference data:
all give our numbers, net survival to the 2e-5 that `survival.net.estimators` explains, `rsadd` coefficients to 1e-4 (absolute).
"""

from __future__ import annotations

import re
import shlex

import pytest
from click.testing import CliRunner

from survival.commands import MODULES, survival
from survival.r_calls import Columns, r_call, vector

DATA = "--data colrec.csv --time time --event stat"
BACKGROUND = "--life-table slopop.csv --age age --sex sex --date diag"
RATES = "ratetable = table, rmap = list(age = age, sex = sex, year = as.Date(diag))"
FIT = "survfit(Surv(time, stat == 1) ~ 1, data = cohort"
ALL, BY_SEX = (f"Surv(time, stat == 1) ~ {right}, data = cohort" for right in ("1", "sex"))
LOG = 'conf.type = "log", conf.int = 0.95'
NET = f"rs.surv(Surv(time, stat == 1) ~ 1, data = cohort, {RATES}"
AT = "c(1, 5) * 365.241"

COMMANDS = [
    (f"km {DATA} --at 1,5 --at-unit years", f"library(survival)\nsummary({FIT}, {LOG}), times = {AT})"),
    (f"km {DATA} --at 365 --by sex,stage", "~ sex + stage, data = cohort"),
    *(
        (f"km {DATA} --ci {scale} --level .9", f'{FIT}, conf.type = "{scale}", conf.int = 0.9)')
        for scale in ("plain", "log", "log-log", "logit", "arcsin")
    ),
    (f"km {DATA} --at 5 --at-unit years --given 1", "start.time = 1 * 365.241 + 1e-8), times = 5 * 365.241)"),
    (f"km {DATA} --entry late", "Surv(late, time, stat == 1)"),
    ("km --data d.csv --entry a --exit b --event s", "Surv(as.numeric(as.Date(b) - as.Date(a)), s == 1)"),
    (f"km {DATA} --event-code 1,2", 'Surv(time, stat %in% c("1", "2"))'),
    (f"km {DATA} --event-code dead", 'Surv(time, stat == "dead")'),
    (f"km {DATA} --reverse", "print(survfit(Surv(time, 1 - (stat == 1)) ~ 1"),
    (f"lifetable {DATA} --breaks 0,12,24 --at-unit months", "breaks <- c(0, 12, 24)\nby(cohort, rep(1, nrow(cohort))"),
    (f"lifetable {DATA} --breaks 0,12 --at-unit months", "cut(time / 30.4375, c(breaks, Inf), right = FALSE)"),
    (f"rmst {DATA} --at 5 --at-unit years", f"print({FIT}, {LOG}), rmean = 5 * 365.241)"),
    (f"net {DATA} {BACKGROUND} --at 1,5 --at-unit years", f'{NET}, method = "pohar-perme", {LOG}, add.times = {AT})'),
    (f"net {DATA} {BACKGROUND} --method ederer1", f'{NET}, method = "ederer1", {LOG})'),
    (f"net {DATA} {BACKGROUND} --method ederer2", f'{NET}, method = "ederer2", {LOG})'),
    (f"net {DATA} {BACKGROUND} --method hakulinen", 'survexp(potential ~ 1, rmap = list(age = age, sex = sex'),
    (f"net {DATA} {BACKGROUND} --compat popepi", 'surv.type = "surv.rel", relsurv.method = "pp"'),
    (f"net {DATA} {BACKGROUND} --at 5 --standard icss2", "w <- c(0.28, 0.17, 0.21, 0.2, 0.14)"),
    (f"net {DATA} {BACKGROUND}", "transrate(survive(c(1, \"male\")), survive(c(2, \"female\")), yearlim = range(years)"),
    (f"net {DATA} {BACKGROUND.replace('slopop.csv', 'us')}", "table <- survival::survexp.us"),
    (
        f"crude {DATA} {BACKGROUND} --at 5 --at-unit years",
        f"summary(cmp.rel({ALL}, {RATES}, conf.int = 0.95), times = 5 * 365.241, scale = 1)",
    ),
    (f"net-test {DATA} {BACKGROUND} --by sex", f"rs.diff(Surv(time, stat == 1) ~ sex, data = cohort, {RATES})"),
    (f"crude {DATA} {BACKGROUND} --at 5 --standard icss1", "weigh(function(p) p$est, 1), se = sqrt(weigh("),
    (f"cif {DATA} --at 5 --standard icss1 --age age", "list(estimate = weigh(function(p) p$pstate[, -1], 1)"),
    (f"logrank {DATA} --by sex", "survdiff(Surv(time, stat == 1) ~ sex, data = cohort)"),
    (f"logrank {DATA} --by sex --strata site --rho 1", "~ sex + strata(site), data = cohort, rho = 1)"),
    (f"logrank {DATA} --by sex --weight gehan", "comp(ten(Surv(time, stat == 1) ~ sex, data = cohort)"),
    (f"cif {DATA} --at 365", f"summary(survfit(Surv(time, factor(stat)) ~ 1, data = cohort, {LOG}), times = 365)"),
    (f"cif {DATA} --by sex --test", 'cuminc(time, stat, sex, cencode = "0"))$Tests'),
    (f"finegray {DATA} --covariates age,sex --cause 2", "x <- model.matrix(~ age + sex, cohort)[, -1, drop = FALSE]"),
    (f"finegray {DATA} --covariates age --cause 2", 'crr(time, stat, x, failcode = "2", cencode = "0"))'),
    (f"finegray {DATA} --covariates age", 'failcode = "1"'),
    (f"cox {DATA} --covariates age,sex --ties breslow", '~ age + sex, data = cohort, ties = "breslow")'),
    (f"cox {DATA} --covariates age --strata sex", '~ age + strata(sex), data = cohort, ties = "efron")'),
    (f"cox {DATA} --covariates age --cluster id", "cluster = id)"),
    (f"cox {DATA} --covariates age --transform rank", 'cox.zph(fit, transform = "rank", terms = FALSE)'),
    (
        f"excess {DATA} {BACKGROUND} --covariates sex",
        f'rsadd({BY_SEX}, {RATES}, int = c(0, 1, 2, 3, 4, 5), method = "max.lik")',
    ),
    (
        f"flexible {DATA} {BACKGROUND} --covariates sex --df 3",
        "stpm2(Surv(time / 365.241, stat == 1) ~ sex, data = cohort, df = 3, bhazard = cohort$hazard)",
    ),
    (f"prevalence {DATA} --date diag --index-date 2010-01-01 --at 5", 'as.Date("2010-01-01") - d * 365.241'),
    (f"net {DATA} {BACKGROUND} --time-unit months --at 12", "Surv(time * 30.4375, stat == 1)"),
]  # fmt: skip


def readable(code: str) -> None:
    """Asserts that brackets and quotes of R code close, as R's parser asks first of all."""
    open_, closes = [], {")": "(", "]": "[", "}": "{"}
    quote = ""
    for line in code.splitlines():
        for sign in line:
            if quote:
                quote = "" if sign == quote else quote
            elif sign in "\"'":
                quote = sign
            elif sign == "#":
                break
            elif sign in "([{":
                open_.append(sign)
            elif sign in closes:
                assert open_ and open_.pop() == closes[sign], f"{line!r} closes what is not open"
        assert not quote, f"{line!r} leaves a text open"
    assert not open_, f"{open_} stay open in:\n{code}"


def said(command: str) -> str:
    done = CliRunner().invoke(survival, [*shlex.split(command), "--r-call"])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(("command", "call"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_gives_its_r_call(command: str, call: str) -> None:
    code = said(command)
    assert call in code
    assert code.startswith("cohort <- read.csv(")
    readable(code)


def test_every_command_has_an_r_call() -> None:
    assert {command.split()[0] for command, _ in COMMANDS} == set(MODULES)


@pytest.mark.parametrize("standard", ["icss1", "icss2", "icss3"])
@pytest.mark.parametrize("method", ["kaplan-meier", "pohar-perme"])
def test_age_standardised_code_weighs_age_groups(method: str, standard: str) -> None:
    code = r_call(method, {"standard": standard, "at": [5.0], "at_unit": "years"}, Columns(by=("group",)))
    readable(code)
    assert "c(0, 45, 55, 65, 75, Inf), right = FALSE)" in code and "list(cohort$group)" in code
    weights = [float(part) for part in re.search(r"w <- c\(([^)]*)\)", code)[1].split(",")]
    assert sum(weights) == pytest.approx(1.0)


def test_a_method_that_r_has_not_says_so() -> None:
    assert r_call("loss-adjusted", {}) == "# no R function computes loss-adjusted as defined here; see the method text"


@pytest.mark.parametrize(
    ("values", "factor", "text"),
    [([1.0], 1.0, "1"), ([1.0, 2.5], 1.0, "c(1, 2.5)"), ([5.0], 365.241, "5 * 365.241")],
)
def test_numbers_are_written_as_r_has_them(values: list[float], factor: float, text: str) -> None:
    assert vector(values, factor) == text
