"""`edgecv prune`: removal, training between and after, and the report; a killed run goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_runtime.errors import GateError, SourceError
from edgecv_runtime.text import percent

from edgecv.compress import checkpoint
from edgecv.compress.blocks import Dropped, cheapest, without
from edgecv.compress.channel_choice import choose, least_multiply_adds
from edgecv.compress.channels import Blocked
from edgecv.compress.checkpoint import Epoch, Progress
from edgecv.compress.data import TrainingData
from edgecv.compress.fit import Trainer, evaluate, gradients, predictor, refresh_norms, sampled_loss, train
from edgecv.compress.head import TrainingHead
from edgecv.compress.importance import score
from edgecv.compress.options import Removal, TrainingOptions
from edgecv.compress.result import count_multiply_adds
from edgecv.compress.sparse import MaskSet
from edgecv.compress.surgery import Anatomy
from edgecv.terminal.observer import Observer
from edgecv.terminal.words import duration, number


@dataclass(slots=True, kw_only=True)
class PruningRun:
    """One run: the original model, what is asked, and how far it is.

    Attributes:
        original: The model of one level of layers; never changed.
        data: To train on, or None.
        head: What its output means, where there is data.
        work: Where checkpoints go, or None where nothing is trained.
        allow_code, custom_objects: What loading a checkpoint may do, as for the original.
        untouched: The layers that nothing is removed at.
        counted: The original's multiply-adds.
    """

    original: Any
    removal: Removal
    training: TrainingOptions
    data: TrainingData | None
    head: TrainingHead | None
    work: Path | None
    observer: Observer
    allow_code: bool = False
    custom_objects: str | None = None
    progress: Progress = field(default_factory=Progress)
    untouched: tuple[Blocked, ...] = ()
    counted: int = 0
    _best: list[Any] = field(default_factory=list)
    _groups: dict[str, list[Any]] | None = None

    def everything(self, *, resume: bool) -> Any:
        """Remove and train as asked; the smaller model.

        Raises:
            SourceError: Nothing can be removed.
            GateError: The budget cannot be met.
        """
        model = self._resumed() if resume else None
        self.counted = count_multiply_adds(self.original)
        whole = self._without_blocks()
        if self.removal.method == "channel":
            anatomy = Anatomy.of(whole)
            self._check_something(anatomy)
            self._check_budget(anatomy)
        self._judge_original()
        steps = self.removal.steps if self.removal.method == "channel" else 1
        model = whole if model is None else model
        for step in range(max(1, self.progress.step), steps + 1):
            model = self._step(model, step, steps)
        return model

    def _resumed(self) -> Any:
        found = (
            None
            if self.work is None
            else checkpoint.load(self.work, allow_code=self.allow_code, custom_objects=self.custom_objects)
        )
        if found is None:
            self.observer.note("No epoch was finished before: starting from the beginning")
            return None
        self.progress, model, self._groups = found
        self._best = self._groups.get("best", [])
        self.observer.note(f"Going on after epoch {self.progress.epoch} of step {self.progress.step}")
        return model

    def _without_blocks(self) -> Any:
        """The original without the blocks that go whole; those of the checkpoint where there is one."""
        if self.removal.drop_blocks == 0 or self.data is None or self.head is None:
            return self.original
        if self.progress.dropped:
            return without(self.original, [item.block for item in self.progress.dropped])
        data, head, seed = self.data.train, self.head, self.training.seed
        model = self.original
        loss = sampled_loss(_copy(model), head, data, seed)
        for turn in range(1, self.removal.drop_blocks + 1):
            stage = f"pricing blocks, {turn} of {self.removal.drop_blocks}"
            found = cheapest(
                model,
                lambda shorter: sampled_loss(shorter, head, data, seed),
                loss,
                lambda done, of, stage=stage: self.observer.stage(stage, done, of),  # type: ignore[misc]
            )
            if found is None:
                raise SourceError(*_no_block(self.removal.drop_blocks, self.progress.dropped))
            block, model, after = found
            self.progress.dropped.append(Dropped(block=block, loss_before=loss, loss_after=after))
            self.observer.note(
                f"{block.addition} goes with its block ({', '.join(block.layers)}): "
                f"{percent(block.multiply_adds / self.counted)} of the multiply-adds, "
                f"training loss {loss:.3f} to {after:.3f}"
            )
            loss = after
        return model

    def _check_something(self, anatomy: Anatomy) -> None:
        channels = anatomy.channels
        self.untouched = channels.blocked
        whole = channels.multiply_adds(np.zeros(channels.count, bool))
        if not self.removal.drop_blocks and least_multiply_adds(channels, self.removal.widths, 0) >= whole:
            raise SourceError(*_nothing(channels.blocked, self.removal))

    def _check_budget(self, anatomy: Anatomy) -> None:
        least = least_multiply_adds(anatomy.channels, self.removal.widths, self._other(anatomy))
        if least > self.removal.target_macs * self.counted:
            raise GateError(
                f"the target of {self.removal.target_macs:g} of the multiply-adds cannot be met: the least that this "
                f"model can come to is {least / self.counted:.4f} ({number(least)} of {number(self.counted)})",
                "Nothing was written. Give a higher --target-macs, or a smaller --round-to or --min-width",
            )

    def _other(self, anatomy: Anatomy) -> int:
        """The multiply-adds of layers that the channel graph does not know, which stay as they are."""
        none = np.zeros(anatomy.channels.count, bool)
        return max(0, self._counted_now(anatomy) - anatomy.channels.multiply_adds(none))

    def _counted_now(self, anatomy: Anatomy) -> int:
        return self.counted if anatomy.model is self.original else count_multiply_adds(anatomy.model)

    def _judge_original(self) -> None:
        if self.data is not None and self.progress.before is None:
            self.progress.before = self.judge(self.original)
            if self.progress.before is not None:
                self.observer.note(f"before pruning: validation accuracy {percent(self.progress.before[1])}")

    def judge(self, model: Any) -> tuple[float, float] | None:
        """Validation (loss, accuracy) of a model; None without data."""
        if self.data is None or self.head is None:
            return None
        return evaluate(predictor(model), self.head, self.data.validation, self.training.batch)

    def _step(self, model: Any, step: int, steps: int) -> Any:
        """One removal (unless a checkpoint has it behind it) and its training."""
        again = self._groups is not None and self.progress.step == step
        masks = None
        if self.removal.method == "channel":
            model = model if again else self._narrower(model, step, steps)
        else:
            model = model if again else _copy(self.original)
            masks = MaskSet(model, self.removal)
            self.untouched = tuple(masks.refused)
            if not again and (self.removal.method == "nm" or not self._trains(step, steps)):
                masks.finish()
        if not again:
            self.progress.step, self.progress.epoch, self.progress.stale = step, 0, 0
            self.progress.best, self.progress.best_loss, self._best = -1.0, 0.0, []
            if self.progress.pruned is None and self.data is not None:
                self.progress.pruned = self.judge(model)
        if self._trains(step, steps):
            self._train(model, masks, self._epochs(step, steps))
        return model

    def _epochs(self, step: int, steps: int) -> int:
        return self.training.epochs if step == steps else self.training.step_epochs

    def _trains(self, step: int, steps: int) -> bool:
        return self.data is not None and self._epochs(step, steps) > 0

    def _narrower(self, model: Any, step: int, steps: int) -> Any:
        """Remove channels until the share of this step is met: target^(step / steps) of the original."""
        anatomy = Anatomy.of(model)
        scores = score(model, anatomy.channels, self.removal.importance, self._gradients())
        share = self.removal.target_macs ** (step / steps)
        removed = choose(
            anatomy.channels,
            scores,
            int(share * self.counted),
            other=self._other(anatomy),
            scope=self.removal.scope,
            widths=self.removal.widths,
        )
        narrower = anatomy.without(removed)
        if self.data is not None:
            refresh_norms(narrower, self.data.train, self.training.seed)
        return narrower

    def _gradients(self) -> Callable[[Any, list[Any]], Any] | None:
        data, head = self.data, self.head
        if data is None or head is None:
            return None
        return lambda model, weights: gradients(model, weights, head, data.train, self.training.seed)

    def _train(self, model: Any, masks: MaskSet | None, epochs: int) -> None:
        assert self.data is not None
        assert self.head is not None
        trainer = Trainer(
            model=model,
            head=self.head,
            training=self.training,
            data=self.data,
            teacher=self.original if self.training.distill else None,
            masks=masks,
        )
        if self._groups is not None:
            trainer.restore(self._groups)
            self._groups = None
        self._best = train(
            trainer,
            self.progress,
            self._best,
            epochs,
            lambda progress, best: self._save(trainer, progress, best),
            lambda epoch, _: self._tell(epoch, epochs),
            self.observer,
        )

    def _save(self, trainer: Trainer, progress: Progress, best: list[Any]) -> None:
        if self.work is not None:
            checkpoint.save(self.work, progress, trainer.model, trainer.groups(best))

    def _tell(self, epoch: Epoch, epochs: int) -> None:
        steps = self.removal.steps if self.removal.method == "channel" else 1
        later = self.training.epochs + max(0, steps - 1 - epoch.step) * self.training.step_epochs
        left = epochs - epoch.epoch + (later if epoch.step < steps else 0)
        recent = [item.seconds for item in self.progress.history[-3:]]
        stage = f"step {epoch.step} of {steps}, " if steps > 1 else ""
        sparse = f", {percent(epoch.sparsity)} zeros" if epoch.sparsity else ""
        self.observer.note(
            f"{stage}epoch {epoch.epoch} of {epochs}: loss {epoch.loss:.3f}, accuracy {percent(epoch.accuracy)}; "
            f"validation loss {epoch.validation_loss:.3f}, accuracy {percent(epoch.validation_accuracy)}{sparse}; "
            f"{duration(left * sum(recent) / len(recent))} to go"
        )


def _copy(model: Any) -> Any:
    from edgecv.compress.rebuild import flattened

    made = flattened(model)
    made.trainable = True
    return made


def _no_block(asked: int, dropped: Sequence[Dropped]) -> tuple[str, str]:
    names = ", ".join(item.block.addition for item in dropped)
    so_far = (
        f"only {len(dropped)} residual blocks can go whole ({names})" if dropped else "no residual block can go whole"
    )
    return (
        f"{so_far}, --drop-blocks asks for {asked}",
        "A block is what lies between the two sides of an Add layer, where one side is the block's own input",
    )


def _nothing(blocked: tuple[Blocked, ...], removal: Removal) -> tuple[str, str]:
    if not blocked:
        return (
            "the model has nothing to prune: every layer is as narrow as --round-to and --min-width allow",
            f"Give a --round-to below {removal.round_to}, or a --min-width below {removal.min_width}",
        )
    names = "; ".join(f"{item.layer} ({item.kind}): {item.reason}" for item in blocked[:6])
    more = f"; and {len(blocked) - 6} more" if len(blocked) > 6 else ""
    return (
        f"the model has nothing to prune: {names}{more}",
        "--method magnitude sets weights to zero instead, which needs no channels",
    )
