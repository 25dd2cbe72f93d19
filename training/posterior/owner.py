"""The owner of a project's posterior: predict each judgment, learn it, keep the state and the queue's head.

Everything happens in `tick`, called a few times a second by the one process that holds the project's lock. A refit
of all judgments runs beside it in a thread and is swapped in, with what was learned meanwhile, when it is done.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from labeling.actions.telling import tell_project
from labeling.models import Project
from training import snapshot
from training.answering import Shelf
from training.learning.rewards.fast.features import DIMENSION, FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.models import Posterior, Prediction
from training.posterior import length
from training.posterior.features import (
    Vectors,
    compute_features,
    feature_model,
    in_parts,
    stored_features,
)
from training.posterior.head import Head
from training.posterior.learned import Learned
from training.snapshot import Verdict

REFIT_AFTER = 500  # updates
LOOK_SECONDS = 2.0  # between two looks at which comparisons are open
SAVE_SECONDS = 1.0
SIGNATURE_SECONDS = 10.0  # between two looks at what an owner has withdrawn: that counts responses
LEARN_AT_ONCE = 256  # judgments in one tick, the newest first when more of them wait for features
COMPUTE_AT_ONCE = 128  # responses whose features are computed in one tick


@dataclass
class Told:
    """What one tick did."""

    learned: int = 0
    waiting: int = 0
    reordered: int = 0
    refitted: bool = False


@dataclass
class Owner:
    """One project's posterior in this process. Make it only while holding the project's lock."""

    project: Project
    shelf: Shelf
    waiting: list[Verdict] = field(default_factory=list)
    learned: Learned = field(default_factory=Learned)
    refit: "Future[FastPosterior] | None" = None
    refit_upto: int = 0
    refit_due: bool = False
    changed: bool = False
    looked_at: float = 0.0
    counted_at: float = 0.0
    saved_at: float = 0.0

    def __post_init__(self) -> None:
        """Take up the saved state. Raises NotYet while there is nothing to measure features on."""
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="refit")
        self.model: FeatureModel = feature_model(self.project, self.shelf)
        self.head = Head(self.project, self.model)
        saved = Posterior.objects.filter(project=self.project).first()
        self.row = saved or Posterior(project=self.project, version=0, watermark=snapshot.mark_now())
        self.ahead = set(self.row.ahead)
        known = self._load()
        self.length = length.fitted(known)
        if saved is not None and saved.model_digest == self.model.digest and self._still_counts(saved):
            self.posterior = FastPosterior.from_bytes(bytes(saved.state))
        else:
            self.posterior = FastPosterior.fit(*self.learned.rows(), dimension=DIMENSION)
            self.changed = True
        self.row.withdrawn = list(snapshot.withdrawn_signature(self.project))
        self.row.judgments = self.learned.count

    def _still_counts(self, saved: Posterior) -> bool:
        """Whether the saved state was made of exactly what counts now."""
        return (
            saved.judgments == self.learned.count
            and saved.waiting == 0
            and tuple(saved.withdrawn) == snapshot.withdrawn_signature(self.project)
        )

    @property
    def name(self) -> str:
        """How scores name this state."""
        return f"posterior {self.row.version}"

    def tick(self) -> Told:
        """Learn what is new, refit where that is due, save, re-order: a fraction of a second."""
        told = Told()
        self._swap_refit(told)
        self._read_new()
        self._learn_waiting(told)
        if (self.refit_due or self.row.since_refit >= REFIT_AFTER) and self.refit is None:
            self._begin_refit()
        now = time.monotonic()
        look = now - self.looked_at >= LOOK_SECONDS
        if look:
            self._look_around(now)
        if self.changed and (now - self.saved_at >= SAVE_SECONDS or told.refitted):
            self.save()
        if told.learned or told.refitted or look:
            told.reordered = self.head.reorder(self.posterior, self.name)
        if told.learned or told.refitted:
            tell_project(self.project.pk)
        told.waiting = len(self.waiting)
        return told

    def close(self) -> None:
        """Save what is not saved yet and end the thread."""
        if self.changed:
            self.save()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def save(self) -> None:
        """Mean, precision and watermark in one row, so that they can never disagree."""
        self.row.model_digest = self.model.digest
        self.row.state = self.posterior.to_bytes()
        self.row.version += 1
        self.row.judgments = self.learned.count
        self.row.waiting = len(self.waiting)
        self.row.ahead = sorted(self.ahead)
        if self.refit_due or self.refit is not None:  # owed again by whoever takes this state up after a crash
            self.row.since_refit = max(self.row.since_refit, REFIT_AFTER)
        self.row.save()
        self.changed, self.saved_at = False, time.monotonic()

    # --- learning

    def _read_new(self) -> None:
        """Read whatever is visible and was not read before. An amendment takes its judgment's row and asks for a
        refit.

        The mark is taken first: all below it is visible then, so the next reading may begin there. What is read
        at or above it is remembered by id. So a long transaction (an import, say) neither hides a judgment for
        ever nor makes the others wait.
        """
        mark = snapshot.mark_now()
        seen = snapshot.training_judgments(self.project, since=self.row.watermark)
        found = [verdict for verdict in seen if verdict.id not in self.ahead]
        self.row.watermark = max(mark, self.row.watermark)
        self.ahead = {verdict.id for verdict in seen if verdict.written >= self.row.watermark}
        for verdict in found:
            if verdict.amends is not None and self._amended(verdict):
                self.refit_due = True
            elif verdict.p is not None:
                self.waiting.append(verdict)
        self.changed = self.changed or bool(found)

    def _amended(self, verdict: Verdict) -> bool:
        """Let an amendment take the place of what it amends. False where that was never learned."""
        before = len(self.waiting)
        self.waiting = [waiting for waiting in self.waiting if waiting.id != verdict.amends]
        if len(self.waiting) < before:
            return False
        return self.learned.amend(verdict.amends or 0, verdict.id, verdict.p, verdict.weight)

    def _learn_waiting(self, told: Told) -> None:
        """Learn, in order, the newest that wait; missing features are computed newest first, some in each tick."""
        newest = self.waiting[-LEARN_AT_ONCE:]
        if not newest:
            return
        wanted = {response for verdict in newest for response in verdict.responses}
        vectors = self._stored(wanted)
        vectors |= compute_features(self.model, sorted(wanted - set(vectors), reverse=True)[:COMPUTE_AT_ONCE])
        ready = [verdict for verdict in newest if all(pk in vectors for pk in verdict.responses)]
        done = {verdict.id for verdict in ready}
        self.waiting = [verdict for verdict in self.waiting if verdict.id not in done]
        self._learn(ready, vectors)
        told.learned += len(ready)

    def _learn(self, verdicts: list[Verdict], vectors: Vectors) -> None:
        """Predict each judgment, then learn it; the predictions are stored together."""
        predictions: list[Prediction] = []
        for verdict, words in zip(verdicts, length.lengths(verdicts), strict=True):
            first, second = verdict.responses
            difference = vectors[first] - vectors[second]
            for name, model, seen in (("posterior", self.posterior, difference), ("length", self.length, words)):
                said = float(model.predict(seen).probability[0])
                predictions.append(Prediction(judgment_id=verdict.id, model=name, probability=said))
                model.update(seen, float(verdict.p or 0.0), verdict.weight)
            self.learned.add(verdict.id, difference, float(verdict.p or 0.0), verdict.weight)
        Prediction.objects.bulk_create(predictions, ignore_conflicts=True)
        self.row.since_refit += len(verdicts)
        self.changed = self.changed or bool(verdicts)

    def _stored(self, responses: set[int]) -> Vectors:
        vectors: Vectors = {}
        for part in in_parts(sorted(responses)):
            vectors |= stored_features(self.model.digest, part)
        return vectors

    # --- refits

    def _load(self) -> list[Verdict]:
        """Bring everything that was read so far into memory; what has no features yet waits."""
        known = [
            verdict
            for verdict in snapshot.training_judgments(self.project)
            if verdict.p is not None and (verdict.written < self.row.watermark or verdict.id in self.ahead)
        ]
        vectors = self._stored({pk for verdict in known for pk in verdict.responses})
        self.learned, self.waiting = Learned(), []
        for verdict in known:
            first, second = verdict.responses
            if first in vectors and second in vectors:
                difference = vectors[first] - vectors[second]
                self.learned.add(verdict.id, difference, float(verdict.p or 0.0), verdict.weight)
            else:
                self.waiting.append(verdict)
        return known

    def _begin_refit(self) -> None:
        self.refit_upto, self.refit_due = self.learned.count, False
        start = FastPosterior.from_bytes(self.posterior.to_bytes())
        rows = self.learned.rows()
        self.refit = self.pool.submit(FastPosterior.fit, *rows, dimension=DIMENSION, start=start)

    def _swap_refit(self, told: Told) -> None:
        """Take a finished refit over, with what was learned while it ran."""
        if self.refit is None or not self.refit.done():
            return
        self.posterior, self.refit = self.refit.result(), None
        meanwhile = self.learned.rows(self.refit_upto)
        for difference, p, weight in zip(*meanwhile, strict=True):
            self.posterior.update(difference, float(p), float(weight))
        self.row.since_refit = len(meanwhile[0])
        self.changed = told.refitted = True

    def _look_around(self, now: float) -> None:
        """What is open now, and now and then what has stopped to count."""
        self.looked_at = now
        self.head.look_again()
        if now - self.counted_at < SIGNATURE_SECONDS or self.refit is not None:
            return
        self.counted_at = now
        withdrawn = snapshot.withdrawn_signature(self.project)
        if tuple(self.row.withdrawn) != withdrawn:
            self._load()
            self.row.withdrawn, self.refit_due = list(withdrawn), True
