"""Near-duplicates among many texts: MinHash bands find candidates, an exact check decides.

Grams are of five characters, so that short texts and languages without spaces are measured too. The signature has
96 hashes in 16 bands of 6: two texts of Jaccard 0.9 share no band once in 200,000 times (Broder 1997; Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

GRAM = 5
BANDS, ROWS = 16, 6
HASHES = BANDS * ROWS
THRESHOLD = 0.9
# A text with more grams is signed by its smallest hashes: a consistent sample, so that long texts cost little more.
SAMPLE = 512
# A pair whose signatures agree less is no candidate: at Jaccard 0.9 that is five standard errors away.
LIKELY = 0.75
GROUP = 64  # how many texts before it, of those that share a band, each is compared with
CHUNK = 1 << 18  # grams hashed at a time: their working set stays in the cache

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


def _constants(count: int, seed: int) -> U64:
    """splitmix64 (Steele et al. 2014), written out: stored bands depend on these numbers for ever."""
    state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return state ^ (state >> np.uint64(31))


_MULTIPLY = (_constants(HASHES, 1) | np.uint64(1)).astype(np.uint32)
_ADD = _constants(HASHES, 2).astype(np.uint32)
_POWERS = np.array([1_099_511_628_211**k % 2**64 for k in range(GRAM)], dtype=np.uint64)
_FINISH = np.uint64(0x9E37_79B9_7F4A_7C15)


def grams(texts: Sequence[str]) -> tuple[U64, I64]:
    """The hashes of all texts' grams in a row, [g], and where each text's begin, [n]; each has one at least."""
    padded = [text.ljust(GRAM, "\0") for text in texts]
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    rolled = np.zeros(max(len(codes) - GRAM + 1, 0), dtype=np.uint64)
    for k in range(GRAM):
        rolled += codes[k : len(codes) - GRAM + 1 + k].astype(np.uint64) * _POWERS[k]
    rolled ^= rolled >> np.uint64(29)
    rolled *= _FINISH
    rolled ^= rolled >> np.uint64(32)
    ends = np.cumsum(lengths)
    inside = np.ones(len(codes), dtype=bool)  # grams that reach over a text's end are none
    for k in range(1, GRAM):
        inside[ends - k] = False
    counts = lengths - (GRAM - 1)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])) if len(texts) else np.zeros(0, dtype=np.int64)
    return rolled[inside[: len(rolled)]], starts.astype(np.int64)


def signatures(texts: Sequence[str]) -> U32:
    """MinHash signatures, [n, 96]."""
    signed = np.empty((len(texts), HASHES), dtype=np.uint32)
    for first, last in _chunks(texts):
        hashes, starts = _sampled(*grams(texts[first:last]))
        low = (hashes >> np.uint64(32)).astype(np.uint32)
        for k in range(HASHES):
            # Multiply, add, then let the high half stir the low one: cheap, and min-wise enough for 32 bits.
            mixed = low * _MULTIPLY[k] + _ADD[k]
            mixed ^= mixed >> np.uint32(15)
            mixed *= np.uint32(0x2C1B_3C6D)
            signed[first:last, k] = np.minimum.reduceat(mixed, starts)
    return signed


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = size = 0
    for index, text in enumerate(texts):
        size += len(text)
        if size > CHUNK:
            yield first, index + 1
            first, size = index + 1, 0
    if first < len(texts):
        yield first, len(texts)


def _sampled(hashes: U64, starts: I64) -> tuple[U64, I64]:
    counts = np.diff(np.append(starts, len(hashes)))
    if counts.max(initial=0) <= SAMPLE:
        return hashes, starts
    kept = []
    for start, count in zip(starts, counts, strict=True):
        own = hashes[start : start + count]
        if count > SAMPLE:
            own = np.unique(own)[:SAMPLE]
        kept.append(own)
    sizes = np.array([len(own) for own in kept], dtype=np.int64)
    return np.concatenate(kept), np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


def bands(signed: U32) -> I64:
    """The keys of the bands, [n, 16]: texts that share one are candidates."""
    rows = signed.reshape(len(signed), BANDS, ROWS).astype(np.uint64)
    keys = np.broadcast_to(np.arange(1, BANDS + 1, dtype=np.uint64) * _FINISH, rows.shape[:2]).copy()
    for k in range(ROWS):
        keys = (keys ^ rows[:, :, k]) * np.uint64(0xFF51_AFD7_ED55_8CCD)
        keys ^= keys >> np.uint64(33)
    return keys.view(np.int64)


def candidates(keys: I64, signed: U32, *, new_from: int = 0) -> npt.NDArray[np.intp]:
    """Pairs (later, earlier) of texts that are likely near-duplicates, [m, 2], sorted; `later` ≥ `new_from`."""
    found = [_sharing(keys, band) for band in range(BANDS)]
    pairs = np.concatenate(found) if found else np.zeros((0, 2), dtype=np.intp)
    pairs = pairs[pairs[:, 0] >= new_from]
    pairs = np.unique(pairs, axis=0)
    likely = np.empty(len(pairs), dtype=bool)
    for first in range(0, len(pairs), 50_000):
        part = pairs[first : first + 50_000]
        agree = (signed[part[:, 0]] == signed[part[:, 1]]).mean(axis=1)
        likely[first : first + 50_000] = agree >= LIKELY
    return pairs[likely]


def _sharing(keys: I64, band: int) -> npt.NDArray[np.intp]:
    """Pairs that share a band. Inside a large group neighbours are those that share the next bands as well, so
    that a group of many half-alike texts (a template's) stays cheap and loses no near-duplicate."""
    turn = [np.arange(len(keys))] + [keys[:, (band + k) % BANDS] for k in reversed(range(4))]
    order = np.lexsort(turn)
    ordered = keys[order, band]
    pairs = []
    for distance in range(1, GROUP + 1):
        same = ordered[distance:] == ordered[:-distance]
        if not same.any():
            break
        left, right = order[:-distance][same], order[distance:][same]
        pairs.append(np.stack((np.maximum(left, right), np.minimum(left, right)), axis=1))
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.intp)


def jaccard(one: str, other: str) -> float:
    """The exact Jaccard similarity of two texts' sets of 5-grams."""
    a, b = (np.unique(grams([text])[0]) for text in (one, other))
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def earlier_twins(texts: Sequence[str], *, new_from: int = 0, keys: I64 | None = None) -> dict[int, int]:
    """For each text from `new_from` on that has near-duplicates before it, the first of them, by index.

    `keys`, [n, 16], may be given where the bands are known.
    """
    signed = signatures(texts)
    pairs = candidates(bands(signed) if keys is None else keys, signed, new_from=new_from)
    sets: dict[int, U64] = {}

    def own(index: int) -> U64:
        if index not in sets:
            sets[index] = np.unique(grams([texts[index]])[0])
        return sets[index]

    twins: dict[int, int] = {}
    for later, earlier in pairs.tolist():  # sorted: a text's earliest candidate comes first
        if later in twins:
            continue
        a, b = own(later), own(earlier)
        if min(len(a), len(b)) < THRESHOLD * max(len(a), len(b)):
            continue
        shared = len(np.intersect1d(a, b, assume_unique=True))
        if shared >= THRESHOLD * (len(a) + len(b) - shared):
            twins[later] = earlier
    return twins
