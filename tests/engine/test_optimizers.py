"""L-BFGS and Adam against independent formulas, on functions whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nst_core.optimizers import LBFGS, Adam, grow, precondition, shrink


def descend(
    optimizer: LBFGS | Adam, x: torch.Tensor, scales: torch.Tensor, steps: int
) -> torch.Tensor:
    """Where the optimiser gets from `x` on the sum of `scales` times squares."""
    for _ in range(steps):
        new = optimizer.propose(x, 2 * scales * x)
        if (scales * new * new).sum() <= optimizer.tolerance * (scales * x * x).sum():
            optimizer.accept(new - x, 2 * scales * (new - x))
            x = new
        else:
            optimizer.reject()
    return x


def test_optimisers_find_the_minimum_of_a_valley() -> None:
    scales = torch.logspace(0, 2, 30).view(1, 3, 2, 5)

    def run(optimizer: LBFGS | Adam, steps: int) -> float:
        x = descend(optimizer, torch.ones(1, 3, 2, 5), scales, steps)
        return (scales * x * x).sum().item()

    start = scales.sum().item()
    assert run(LBFGS(), 60) < 1e-6 * start
    assert run(Adam(0.05), 300) < 1e-3 * start


def test_pixels_at_a_limit_do_not_lead_the_others_astray() -> None:
    """Most pixels are white and asked to be whiter; what is left of the loss is in the others."""
    target = torch.full((1, 3, 16, 16), 5.0)
    target[..., ::4] = 0.2
    optimizer, x = LBFGS(), torch.where(target < 1, 0.5, 1.0)

    def loss(image: torch.Tensor) -> float:
        return ((image - target)[..., ::4] ** 2).sum().item()

    start = loss(x)
    for _ in range(15):
        new = optimizer.propose(x, 2 * (x - target)).clamp(0, 1)
        if loss(new) <= loss(x):
            optimizer.accept(new - x, 2 * (new - x))
            x = new
        else:
            optimizer.reject()
    assert loss(x) < 0.01 * start
    assert (target < 1).logical_or(x == 1).all()


def test_what_was_learnt_at_a_small_size_helps_at_a_larger_one() -> None:
    """The same mean of squares at two sizes; how much each place counts differs a hundredfold."""

    def scales(x: torch.Tensor) -> torch.Tensor:
        rows, columns = (torch.linspace(0, 1, side)[:, None] for side in x.shape[2:])
        return 10 ** (rows + columns.T) / x.numel()

    def loss_after_a_step(optimizer: LBFGS) -> float:
        image = descend(optimizer, x, scales(x), 1)
        return (scales(x) * image * image).sum().item()

    small, x = LBFGS(), torch.ones(1, 3, 16, 24)
    x = descend(small, x, scales(x), 12)
    x = torch.nn.functional.interpolate(x, (32, 48), mode="bilinear")
    assert loss_after_a_step(small.enlarge(x, 20)) < 0.7 * loss_after_a_step(LBFGS())


def test_nothing_learnt_is_nothing_carried_over() -> None:
    larger = LBFGS().enlarge(torch.ones(1, 3, 8, 8), history=3)
    assert not larger.pairs
    assert larger.pairs.most == 3


@pytest.mark.parametrize("shape", [(24, 32), (37, 51), (5, 80), (3, 3)])
def test_preconditioner_is_symmetric_positive_definite(shape: tuple[int, int]) -> None:
    """As L-BFGS asks of an inverse Hessian."""
    torch.manual_seed(0)
    a, b = torch.randn(2, 1, 3, *shape, dtype=torch.float64)
    assert (a * precondition(b)).sum().item() == pytest.approx((b * precondition(a)).sum().item())
    assert (a * precondition(a)).sum() >= (a * a).sum()


@pytest.mark.parametrize("shape", [(24, 32), (37, 51), (5, 8)])
def test_shrinking_is_the_transpose_of_growing(shape: tuple[int, int]) -> None:
    """As autograd says, which on a GPU adds in any order."""
    torch.manual_seed(0)
    small = torch.zeros(1, 3, *((side + 1) // 2 for side in shape)).double().requires_grad_()
    grad = torch.randn(1, 3, *shape, dtype=torch.float64)
    large = grow(small)[..., : shape[0], : shape[1]]
    (expected,) = torch.autograd.grad(large, small, grad)
    torch.testing.assert_close(shrink(grad), expected)


def test_preconditioner_favours_large_shapes() -> None:
    def gain(period: int) -> float:
        wave = torch.cos(2 * torch.pi / period * torch.arange(96.0)).expand(1, 3, 96, 96)
        return ((wave * precondition(wave)).sum() / (wave * wave).sum()).item()

    gains = [gain(period) for period in (2, 4, 8, 16, 32)]
    assert gains == sorted(gains)
    assert gains[-1] > 5 * gains[0]


def test_adam_is_that_of_torch() -> None:
    torch.manual_seed(0)
    target = torch.randn(20)
    theirs = torch.zeros(20, requires_grad=True)
    reference = torch.optim.Adam([theirs], lr=0.1)
    ours, optimizer = torch.zeros(20), Adam(0.1)
    for _ in range(15):
        reference.zero_grad()
        (theirs - target).pow(2).sum().backward()
        reference.step()
        ours = optimizer.propose(ours, 2 * (ours - target))
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-5)


def unchanged(grad: torch.Tensor) -> torch.Tensor:
    return grad


def test_lbfgs_steps_as_bfgs_with_dense_matrices() -> None:
    """The inverse Hessian by BFGS updates (Nocedal and Wright 2006, formula 6.17), in float64."""
    torch.manual_seed(0)
    shape, count = (1, 3, 2, 2), 12
    root = np.random.default_rng(0).standard_normal((count, count))
    hessian = root @ root.T + np.eye(count)
    optimizer = LBFGS(history=4, precondition=unchanged, radius=1e9)
    pairs = []
    for _ in range(6):
        moved = torch.randn(shape, dtype=torch.float64)
        change = torch.from_numpy(hessian @ moved.numpy().ravel()).view(shape)
        optimizer.accept(moved, change)
        pairs.append((moved.numpy().ravel(), change.numpy().ravel()))
    s, y = pairs[-1]
    inverse = s @ y / (y @ y) * np.eye(count)
    for s, y in pairs[-4:]:
        left = np.eye(count) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    image, grad = torch.full(shape, 0.5).double(), torch.randn(shape, dtype=torch.float64)
    step = image - optimizer.propose(image, grad)
    np.testing.assert_allclose(step.numpy().ravel(), inverse @ grad.numpy().ravel(), rtol=1e-9)


def test_a_pair_without_positive_curvature_changes_no_step() -> None:
    image, grad = torch.full((1, 3, 4, 4), 0.5), torch.randn(1, 3, 4, 4)
    one, two = LBFGS(), LBFGS()
    for optimizer in (one, two):
        optimizer.accept(torch.ones(1, 3, 4, 4), torch.rand(1, 3, 4, 4) * 0 + 2)
    two.accept(grad, -grad)
    torch.testing.assert_close(one.propose(image, grad), two.propose(image, grad))


def test_steps_grow_until_the_loss_curves_upwards() -> None:
    image, grad = torch.full((1, 3, 8, 8), 0.5), torch.randn(1, 3, 8, 8)
    optimizer = LBFGS(precondition=unchanged, radius=0.01)
    lengths = []
    for curvature in (-0.1, 0, -0.1, 20, -0.1):
        moved = optimizer.propose(image, grad) - image
        lengths.append(moved.abs().mean().item())
        optimizer.accept(moved, curvature * moved)
    assert lengths[:4] == pytest.approx([0.01, 0.02, 0.04, 0.08])
    assert (optimizer.propose(image, grad) - image).abs().mean().item() == pytest.approx(lengths[4])


def test_the_longest_step_doubles_with_good_steps_and_falls_with_bad_ones() -> None:
    image, grad = torch.full((1, 3, 8, 8), 0.5), torch.randn(1, 3, 8, 8)

    def length(optimizer: LBFGS) -> float:
        return (optimizer.propose(image, grad) - image).abs().mean().item()

    optimizer = LBFGS(precondition=unchanged, radius=0.01)
    assert length(optimizer) == pytest.approx(0.01)
    optimizer.reject()
    assert length(optimizer) == pytest.approx(0.0025)
    # A small curvature asks for a step that is far too long.
    optimizer.accept(grad, 1e-6 * grad)
    assert length(optimizer) == pytest.approx(0.005)
    optimizer.accept(grad, 1e-6 * grad)
    assert length(optimizer) == pytest.approx(0.01)
    optimizer.reject()
    assert length(optimizer) == pytest.approx(0.0025)


def test_a_value_at_a_limit_is_held_only_against_the_gradient() -> None:
    image = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(1, 1, 2, 2)
    grad = torch.tensor([1.0, -1.0, -1.0, 1.0]).view(1, 1, 2, 2)
    moved = (LBFGS(precondition=unchanged).propose(image, grad) - image).flatten().tolist()
    assert moved[0] == moved[2] == 0
    assert moved[1] > 0 > moved[3]


def test_adam_starts_anew_with_a_quarter_of_the_rate_after_a_bad_step() -> None:
    image, grad = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 5.0)
    optimizer = Adam(0.1)
    for _ in range(3):
        optimizer.propose(image, grad)
    optimizer.reject()
    # The first step of Adam has the length of the rate, whatever the gradient is.
    torch.testing.assert_close(optimizer.propose(image, -grad), torch.full_like(grad, 0.025))
