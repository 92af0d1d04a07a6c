"""The steps at one size: from a picture down the gradient of the objective to a better one."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .objective import Objective
from .optimizers import LBFGS, Adam
from .plan import Stage
from .start import first_picture, paintings_at
from .tensors import add_margin, cut_margin, to_tensor
from .terms import Terms
from .transfer import Transfer
from .upscale import enlarge
from .vgg import Check


class Picture(NamedTuple):
    """A picture (1, 3, H, W) with its margin, its stage, and what the objective says of it."""

    image: Tensor
    stage: Stage
    terms: Terms
    loss: float


class Descent:
    """The steps of one stage.

    Args:
        before: the descent of the stage before, whose best picture is enlarged; without one the
            run starts here.
        check: called several times a step of a large picture; may raise to end the run.

    Attributes:
        now: the picture that the next step starts from.
        best: the picture with the least loss in this stage.
    """

    now: Picture
    best: Picture

    def __init__(
        self,
        transfer: Transfer,
        stage: Stage,
        device: str,
        check: Check,
        before: Descent | None,
    ) -> None:
        settings = transfer.settings
        self.photo = to_tensor(transfer.content, (stage.width, stage.height)).to(device)
        paintings = paintings_at(stage.size, transfer, self.photo)
        self.objective = Objective(
            add_margin(self.photo, stage.margin),
            paintings,
            settings,
            _region(transfer, stage, device),
            stage.in_strips,
            check if stage.in_strips else lambda: None,
        )
        if before is None:
            image = first_picture(self.photo, paintings, transfer)
        else:
            small = cut_margin(before.best.image, before.best.stage.margin)
            image = enlarge(small, before.photo, self.photo)
        image = add_margin(image, stage.margin)
        terms, self.grad = self.objective.evaluate(image)
        self.now = self.best = Picture(image, stage, terms, terms["total"].item())
        self.optimizer: LBFGS | Adam
        if settings.optimizer == "adam":
            self.optimizer = Adam(settings.learning_rate)
        # Classic terms grow with the size: what L-BFGS learnt of them at another does not hold.
        elif before and isinstance(before.optimizer, LBFGS) and self.objective.balanced:
            self.optimizer = before.optimizer.enlarge(image, stage.history)
        else:
            self.optimizer = LBFGS(stage.history)

    def step(self) -> None:
        """Try the optimiser's proposal, and keep the present picture where it is worse."""
        image, stage, _, loss = self.now
        # Pixels outside of 0 to 1 can't be shown, so the loss must not profit from them.
        trial = self.optimizer.propose(image, self.grad).clamp(0, 1)
        terms, grad = self.objective.evaluate(trial)
        trial_loss = terms["total"].item()  # the one wait for the device in a step
        if trial_loss <= loss * self.optimizer.tolerance:  # false for a loss that is no number
            self.optimizer.accept(trial - image, grad - self.grad)
            self.now, self.grad = Picture(trial, stage, terms, trial_loss), grad
        else:
            self.optimizer.reject()
        if self.now.loss < self.best.loss:
            self.best = self.now


def _region(transfer: Transfer, stage: Stage, device: str) -> Tensor | None:
    """The region of the second style (1, 1, H, W) at a stage, with margin; None without one."""
    if transfer.mask is None or not transfer.guided:
        return None
    mask = to_tensor(transfer.mask, (stage.width, stage.height))[:, :1].to(device)
    return add_margin(mask, stage.margin)
