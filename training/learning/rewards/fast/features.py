"""256 numbers for a response under a frozen policy: what the fast posterior's linear head reads.

Three blocks: how the text is written (``style``), which words it holds (``lexicon``) and what the policy's hidden
states make of it (``states``). Only differences between responses to one prompt ever matter, so scales and principal
directions are those of such differences, measured once on the policy's own responses and then frozen: that is a
feature model. Its ``digest`` names policy, code version and measured numbers; vectors of different digests never mix.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import load_file, save, save_file

from ...models import Policy, model_digest
from ...rows import Message
from .lexicon import Lexicon
from .states import Pair, pooled_states
from .style import STYLE, style

VERSION = 1
DIMENSION = 256
STATE_DIMENSION = 56
LEXICON_DIMENSION = DIMENSION - STATE_DIMENSION - len(STYLE)
# Length of a typical difference in each block: the prior's guess of where a taste lies. Style words carry
# most tastes; the other blocks are there for the rest.
BLOCK_SCALE = {"style": 1.0, "lexicon": 0.5, "states": 0.35}
CLIP = 8.0  # standard deviations: one odd response must not outvote a hundred judgments
FEWEST_GROUPS = 32

Group = tuple[Sequence[Message], Sequence[Sequence[Message]]]  # a prompt and two or more of its responses
Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureModel:
    """A frozen map from (prompt, response) to 256 float32. Fit it once per project, then keep its directory."""

    policy: Policy
    lexicon: Lexicon
    tensors: dict[str, NDArray[np.float32]]
    digest: str

    def features(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """[n, 256] for n (prompt, response) pairs of messages. Responses to one prompt share its reading."""
        if not pairs:
            return np.zeros((0, DIMENSION), dtype=np.float32)
        blocks = []
        for name, raw in _raw(self.policy, self.lexicon, pairs).items():
            centred = raw - self.tensors[f"{name}.centre"]
            bounded = np.clip(centred / self.tensors[f"{name}.bound"], -1.0, 1.0) * self.tensors[f"{name}.bound"]
            blocks.append(bounded @ self.tensors[f"{name}.map"])
        return np.ascontiguousarray(np.hstack(blocks), dtype=np.float32)

    @classmethod
    def fit(cls, policy: Policy, groups: Sequence[Group]) -> "FeatureModel":
        """Measure scales and directions on responses of ``policy`` (a few hundred prompts, two or more each).

        Raises ValueError below ``FEWEST_GROUPS`` prompts with two responses.
        """
        usable = [group for group in groups if len(group[1]) >= 2]
        if len(usable) < FEWEST_GROUPS:
            raise ValueError(
                f"a feature model is measured on at least {FEWEST_GROUPS} prompts with two responses each; "
                f"there are {len(usable)}: let the policy answer more prompts first"
            )
        pairs = [(prompt, response) for prompt, responses in usable for response in responses]
        owner = np.repeat(np.arange(len(usable)), [len(responses) for _, responses in usable])
        lexicon = Lexicon.fit([_text(response) for _, response in pairs])
        raw = _raw(policy, lexicon, pairs)
        tensors: dict[str, NDArray[np.float32]] = {}
        for name, values in raw.items():
            centre, bound, mapping = _measure(name, values, owner)
            tensors |= {
                f"{name}.centre": centre.astype(np.float32),
                f"{name}.bound": bound.astype(np.float32),
                f"{name}.map": mapping.astype(np.float32),
            }
        return cls(policy, lexicon, tensors, _digest(policy, lexicon, tensors))

    def save(self, directory: Path) -> None:
        """Write safetensors and JSON, whole or not at all. The policy itself is not copied."""
        part = directory.with_name(directory.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file(self.tensors, part / "features.safetensors")
        about = {"version": VERSION, "digest": self.digest, "vocabulary": list(self.lexicon.vocabulary)}
        (part / "features.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        part.rename(directory)

    @classmethod
    def load(cls, directory: Path, policy: Policy) -> "FeatureModel":
        """Read what ``save`` wrote. Raises ValueError when it is damaged, of another version or another policy."""
        try:
            about = json.loads((directory / "features.json").read_text(encoding="utf-8"))
            tensors = load_file(directory / "features.safetensors")
            lexicon = Lexicon(tuple(about["vocabulary"]))
            stated = str(about["digest"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{directory.name} holds no feature model: fit it again") from error
        if stated != _digest(policy, lexicon, tensors):
            raise ValueError(
                f"the feature model in {directory.name} belongs to another policy or version: fit it again"
            )
        return cls(policy, lexicon, tensors, stated)


def features(model: FeatureModel, pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """The same as ``model.features(pairs)``, for those who hold functions."""
    return model.features(pairs)


def _text(messages: Sequence[Message]) -> str:
    return "\n\n".join(message["content"] for message in messages)


def _asked(prompt: Sequence[Message]) -> str:
    """The last thing a person said: what an answer echoes."""
    said = [message["content"] for message in prompt if message["role"] == "user"]
    return said[-1] if said else _text(prompt)


def _raw(policy: Policy, lexicon: Lexicon, pairs: Sequence[Pair]) -> dict[str, Array]:
    """The three blocks before any scaling: each [n, its own width]."""
    return {
        "style": style((_asked(prompt), _text(response)) for prompt, response in pairs),
        "lexicon": lexicon.table([_text(response) for _, response in pairs]).toarray().astype(np.float64),
        "states": pooled_states(policy, pairs).astype(np.float64),
    }


def _measure(name: str, values: Array, owner: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Centre [w], bound [w] and map [w, k] of one block, from the spread between responses to one prompt."""
    inside = values - _group_means(values, owner)
    count = len(values) - len(np.unique(owner))  # degrees of freedom
    deviation = np.sqrt((inside**2).sum(0) / max(count, 1))
    floor = max(0.05 * float(np.median(deviation)), 1e-6)
    bound = CLIP * np.maximum(deviation, floor)
    if name == "style":
        mapping = np.diag(1.0 / np.maximum(deviation, max(floor, 0.05)))
    else:
        mapping = _directions(inside / np.sqrt(max(count, 1)), _WIDTH[name], power=_POWER[name])
    typical = np.sqrt(2.0 * ((inside @ mapping) ** 2).sum() / max(count, 1))  # of a difference of two
    return values.mean(0), bound, mapping * (BLOCK_SCALE[name] / max(typical, 1e-12))


_WIDTH = {"lexicon": LEXICON_DIMENSION, "states": STATE_DIMENSION}
_POWER = {"lexicon": 0.5, "states": 0.5}  # 0 keeps principal components as they are, 1 whitens them


def _directions(inside: Array, width: int, *, power: float) -> Array:
    """The first principal directions of [n, w] rows as a map [w, width], each shrunk by its spread^power."""
    _, spread, rows = np.linalg.svd(inside, full_matrices=False)
    kept = min(width, int((spread > 1e-6 * spread[0]).sum()) if len(spread) and spread[0] > 0 else 0)
    mapping = np.zeros((inside.shape[1], width))
    mapping[:, :kept] = _signed(rows[:kept]).T / spread[:kept] ** power
    return mapping


def _signed(rows: Array) -> Array:
    """Rows with their largest entry positive: a singular vector's sign is the library's whim."""
    largest = np.abs(rows).argmax(axis=1)
    signed: Array = rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]
    return signed


def _group_means(values: Array, owner: NDArray[np.int64]) -> Array:
    sums = np.zeros((int(owner.max()) + 1, values.shape[1]))
    np.add.at(sums, owner, values)
    means: Array = (sums / np.bincount(owner)[:, None])[owner]
    return means


def _digest(policy: Policy, lexicon: Lexicon, tensors: dict[str, NDArray[np.float32]]) -> str:
    named = json.dumps([VERSION, STYLE, model_digest(policy.directory), lexicon.vocabulary]).encode()
    return hashlib.sha256(named + save(dict(sorted(tensors.items())))).hexdigest()


def to_bytes(vector: ArrayLike) -> bytes:
    """One response's features as stored: 256 float32, little-endian."""
    return np.asarray(vector, dtype="<f4").tobytes()


def from_bytes(data: bytes) -> NDArray[np.float32]:
    """Read ``to_bytes`` back. Raises ValueError when the length is wrong."""
    vector = np.frombuffer(bytes(data), dtype="<f4").astype(np.float32)
    if vector.shape != (DIMENSION,):
        raise ValueError(f"a feature vector has {DIMENSION} numbers, not {len(vector)}: compute it again")
    return vector
