"""The BYM2 smoother against a Markov chain of the same model, and its invariants."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, special

from geo.bym2 import scale_structure, smooth_bym2
from geo.errors import GeoError
from geo.gaussian import Factor


def sample_chain(cases, expected, adjacency, *, draws: int, seed: int) -> np.ndarray:
    """Draws of the relative risks: elliptical slice sampling of the effects, Gibbs and Metropolis steps for the rest."""
    prior, rng, size = scale_structure(adjacency), np.random.default_rng(seed), len(cases)
    values, vectors = np.linalg.eigh(prior.structure.toarray())
    inverse = np.where(values > 1e-8, 1 / np.maximum(values, 1e-8), 0)

    def spread(theta):
        phi = special.expit(theta[1])
        return (1 - phi + phi * inverse) / np.exp(theta[0])

    def likelihood(eta):
        return (cases * eta - expected * np.exp(eta)).sum()

    theta, z, level = np.array([2.0, 0.0]), np.zeros(size), 0.0
    eta = np.zeros(size)
    kept = np.empty((draws, size))
    for draw in range(-draws // 10, draws):
        height, other = likelihood(eta) + np.log(rng.uniform()), rng.normal(size=size)
        angle = rng.uniform(0, 2 * np.pi)
        low, high = angle - 2 * np.pi, angle
        while True:
            new = z * np.cos(angle) + other * np.sin(angle)
            eta = level + vectors @ (np.sqrt(spread(theta)) * new)
            if likelihood(eta) > height:
                break
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = rng.uniform(low, high)
        effect = eta - level
        level = np.log(rng.gamma(cases.sum()) / (expected * np.exp(effect)).sum())
        eta = effect + level
        turned = vectors.T @ effect
        for _ in range(4):
            moved = theta + rng.normal(size=2) * [0.6, 1.2] * rng.choice([0.3, 1.0])
            old_s, new_s = spread(theta), spread(moved)
            ratio = prior.log_density(moved) - prior.log_density(theta)
            ratio += 0.5 * np.log(old_s / new_s).sum() + 0.5 * (turned**2 * (1 / old_s - 1 / new_s)).sum()
            if np.abs(moved).max() < 12 and np.log(rng.uniform()) < ratio:
                theta = moved
        z = turned / np.sqrt(spread(theta))
        if draw >= 0:
            kept[draw] = np.exp(eta)
    return kept


@pytest.fixture(scope="module")
def board(grid_adjacency):
    """64 areas with few cases each and a high corner; the truth is known."""
    rng = np.random.default_rng(11)
    side = np.arange(64) // 8 + np.arange(64) % 8
    truth = np.exp(0.5 * np.cos(side / 14 * np.pi))
    expected = rng.uniform(2, 25, 64)
    return rng.poisson(truth * expected).astype(float), expected, truth


def test_marginals_equal_a_long_chain(board, grid_adjacency):
    cases, expected, _ = board
    found = smooth_bym2(cases, expected, grid_adjacency)
    chain = sample_chain(cases, expected, grid_adjacency, draws=12_000, seed=3)
    # Monte Carlo error by 20 batches
    batches = chain.reshape(20, -1, 64).mean(axis=1)
    error = batches.std(axis=0, ddof=1) / np.sqrt(20)
    assert (np.abs(found.risk - chain.mean(axis=0)) < 4.5 * error + 0.01 * found.risk).all()
    assert np.median(np.abs(found.risk / chain.mean(axis=0) - 1)) < 0.015
    low, middle, high = np.quantile(chain, [0.025, 0.5, 0.975], axis=0)
    for ours, theirs in ((found.lower, low), (found.median, middle), (found.upper, high)):
        assert np.median(np.abs(ours / theirs - 1)) < 0.03
    assert np.abs(found.exceedance - (chain > 1).mean(axis=0)).max() < 0.08


def test_smoothing_beats_raw_and_unsmoothed_risks(board, grid_adjacency):
    cases, expected, truth = board
    found = smooth_bym2(cases, expected, grid_adjacency)
    scale = cases.sum() / expected.sum()
    error = {"raw": cases / expected, "flat": np.full(64, scale), "bym2": found.risk}
    squares = {name: ((risk - truth) ** 2).mean() for name, risk in error.items()}
    assert squares["bym2"] < 0.6 * squares["raw"]
    assert squares["bym2"] < 0.6 * squares["flat"]


def test_expected_cases_at_the_smoothed_risks_sum_to_the_cases(board, grid_adjacency):
    # with a flat prior on the level the posterior of the total is a gamma with mean the number of cases
    cases, expected, _ = board
    found = smooth_bym2(cases, 3 * expected, grid_adjacency)
    assert (3 * expected * found.risk).sum() == pytest.approx(cases.sum(), rel=0.003)


def test_parts_and_islands(grid_adjacency):
    # two chessboards and an area without neighbours
    joined = sparse.block_diag([grid_adjacency, grid_adjacency, sparse.csr_matrix((1, 1))], format="csr")
    rng = np.random.default_rng(2)
    expected = np.full(129, 20.0)
    cases = rng.poisson(expected).astype(float)
    found = smooth_bym2(cases, expected, joined)
    assert (found.lower < found.risk).all()
    assert (found.risk < found.upper).all()
    assert found.lower[-1] < 1 < found.upper[-1]
    assert scale_structure(joined).constraints.sum(axis=1).tolist() == [64, 64]


def test_structure_is_scaled(grid_adjacency):
    prior = scale_structure(grid_adjacency)
    spread = np.diag(np.linalg.pinv(prior.structure.toarray()))
    assert np.exp(np.log(spread).mean()) == pytest.approx(1)


def test_prior_of_phi_has_its_two_thirds(grid_adjacency):
    prior = scale_structure(grid_adjacency)
    logits = np.linspace(-13, 13, 4001)
    # the density of (log tau, logit phi) at log tau = 1, divided by its exponential part for 1/sqrt(tau)
    rate = -np.log(0.01)
    tau_part = rate / 2 * np.exp(-0.5 - rate * np.exp(-0.5))
    mass = np.exp([prior.log_density(np.array([1.0, logit])) for logit in logits]) / tau_part
    assert mass[logits < 0].sum() * (logits[1] - logits[0]) == pytest.approx(2 / 3, abs=0.01)


def test_diagonal_of_the_inverse_is_exact(grid_adjacency):
    degree = np.asarray(grid_adjacency.sum(axis=1)).ravel()
    precision = sparse.diags_array(degree + np.linspace(0.1, 2, 64)) - grid_adjacency
    factor = Factor(precision)
    assert factor.variances() == pytest.approx(np.diag(np.linalg.inv(precision.toarray())), rel=1e-12)
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(precision.toarray())[1])


def test_adjacency_that_is_not_symmetric_is_refused():
    with pytest.raises(GeoError, match="symmetric"):
        smooth_bym2(np.ones(3), np.ones(3), sparse.csr_matrix(np.triu(np.ones((3, 3)), 1)))
