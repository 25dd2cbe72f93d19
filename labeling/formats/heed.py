"""Heed's own full row: a comparison with its prompt, its responses and every judgment on it, amendments included."""

from labeling.formats.details import read_criterion, read_details
from labeling.formats.prompts import read_tags
from labeling.formats.rows import BadRow, Format, Json, Message, ReadJudgment, ReadResponse, ReadRow, Row
from labeling.formats.texts import read_messages

ANSWERS = (0, 1, 2, 3, 4, 5, 6, 7, 9)
KINDS = ("pair", "assessment", "demonstration")
# What a judgment's origin becomes, because an import never passes for this project's own people or models.
ORIGIN = {
    "person": "person",
    "simulation": "model:simulation",
    "judge": "model:judge",
    "verifier": "model:verifier",
    "reward_model": "model:reward_model",
}


def matches(row: Row) -> bool:
    """A row that says so."""
    return "heed" in row and "responses" in row


def read(row: Row) -> ReadRow:
    """Read a full row. Log-probabilities come along; policy versions stay names, because they live elsewhere."""
    if row["heed"] != 1:
        raise BadRow(f"this is version {row['heed']!r} of Heed's row; this release reads version 1")
    warnings: list[str] = []
    prompt = _object(row, "prompt")
    messages = read_messages(prompt.get("messages"), "prompt.messages", warnings)
    responses = [_response(entry, f"responses[{n}]", warnings) for n, entry in enumerate(_objects(row, "responses"))]
    kind = _kind(row, len(responses))
    judgments = _judgments(_objects(row, "judgments"), len(responses))
    if judgments and kind != "pair":
        raise BadRow(f"kind is {kind!r}: what is told of one response has no judgments")
    rest = {
        "prompt": {key: value for key, value in prompt.items() if key != "messages"},
        "responses": [
            {key: value for key, value in entry.items() if key not in SAMPLED and key != "messages"}
            for entry in row["responses"]
        ],
        "sampled": [[key for key in SAMPLED if key in entry] for entry in row["responses"]],
    }
    read = ReadRow(
        messages,
        responses,
        judgments,
        tags=read_tags(prompt),
        difficulty=_number(prompt, "difficulty"),
        kind=kind,
        shape=rest,
        used=("prompt", "responses"),
        warnings=warnings,
    )
    _tell(read, row)
    return read


def _kind(row: Row, responses: int) -> str:
    kind = row.get("kind", "pair")
    if kind not in KINDS:
        raise BadRow(f"kind is {kind!r}; write one of {', '.join(KINDS)}")
    if kind == "pair" and responses < 2:
        raise BadRow("a comparison has at least two responses")
    if kind != "pair" and responses != 1:
        raise BadRow(f"kind is {kind!r}, which tells of one response; here are {responses}")
    return str(kind)


def _tell(read: ReadRow, row: Row) -> None:
    """What was told beside the verdict. In a row of our own a wrong shape is a fault."""
    details, faults = row.get("details") or {}, list[str]()
    if not isinstance(details, dict):
        raise BadRow("details must be an object")
    read.criterion = read_criterion(row.get("criterion"), faults)
    read.details = read_details(details, read.responses, faults)
    if faults:
        raise BadRow("; ".join(faults))


SAMPLED = ("sampler", "seed", "token_ids", "token_logprobs", "stopped")


def _response(entry: Row, where: str, warnings: list[str]) -> ReadResponse:
    ids, logprobs = entry.get("token_ids"), entry.get("token_logprobs")
    if ids is not None and not (isinstance(ids, list) and all(type(token) is int for token in ids)):
        raise BadRow(f"{where}.token_ids must be a list of whole numbers")
    if logprobs is not None and not (isinstance(logprobs, list) and all(type(x) in (int, float) for x in logprobs)):
        raise BadRow(f"{where}.token_logprobs must be a list of numbers")
    seed, stopped = entry.get("seed"), entry.get("stopped")
    if seed is not None and (type(seed) is not int or not -(2**63) <= seed < 2**63):
        raise BadRow(f"{where}.seed must be a whole number of 64 bits")
    if stopped is not None and not isinstance(stopped, bool):
        raise BadRow(f"{where}.stopped must be true or false")
    return ReadResponse(
        read_messages(entry.get("messages"), f"{where}.messages", warnings),
        origin=str(entry.get("policy") or entry.get("origin") or "")[:200],
        sampler=entry.get("sampler"),
        seed=seed,
        token_ids=ids,
        token_logprobs=logprobs,
        stopped=stopped,
    )


def _judgments(entries: list[Row], responses: int) -> list[ReadJudgment]:
    """The judgments in their order. An amendment must follow what it amends, and a rater judges first once."""
    places = {entry.get("id"): place for place, entry in enumerate(entries)}
    judgments: list[ReadJudgment] = []
    first: set[str] = set()
    amended: set[int] = set()
    for place, entry in enumerate(entries):
        where = f"judgments[{place}]"
        judgment = _judgment(entry, where, responses)
        if entry.get("amends") is None:
            if judgment.rater in first:
                raise BadRow(f"{where}: {judgment.rater!r} has judged already; a second judgment amends the first")
            first.add(judgment.rater)
        else:
            judgment.amends = places.get(entry["amends"])
            if judgment.amends is None or judgment.amends >= place or judgment.amends in amended:
                raise BadRow(f"{where} amends {entry['amends']!r}, which is not an earlier, unamended judgment here")
            amended.add(judgment.amends)
        judgments.append(judgment)
    return judgments


def _judgment(entry: Row, where: str, responses: int) -> ReadJudgment:
    answer, order, rater = entry.get("answer"), entry.get("order_shown"), entry.get("rater")
    if type(answer) is not int or answer not in ANSWERS:
        raise BadRow(f"{where}.answer is {answer!r}; write one of {', '.join(map(str, ANSWERS))}")
    if not isinstance(order, list) or sorted(map(str, order)) != [str(n) for n in range(responses)]:
        raise BadRow(f"{where}.order_shown must name each response's position once")
    if not isinstance(rater, str) or len(rater) > 64:
        raise BadRow(f"{where}.rater must be a text of at most 64 characters")
    source, weight = str(entry.get("source")), _number(entry, "weight")
    if weight is not None and weight < 0:
        raise BadRow(f"{where}.weight must not be negative")
    return ReadJudgment(
        rater,
        answer,
        order_shown=tuple(map(int, order)),
        seconds=_number(entry, "seconds"),
        weight=1.0 if weight is None else weight,
        late=entry.get("late") is True,
        origin=ORIGIN.get(source, str(entry.get("origin") or "unknown"))[:200],
        reason=str(entry.get("reason") or ""),
    )


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The prompt and the responses with everything that was beside their texts."""
    return {
        "prompt": {"messages": prompt, **shape["prompt"]},
        "responses": [
            {"messages": response.messages, **{key: getattr(response, key) for key in sampled}, **beside}
            for response, sampled, beside in zip(responses, shape["sampled"], shape["responses"], strict=True)
        ],
    }


def _object(row: Row, key: str) -> Row:
    value = row.get(key)
    if not isinstance(value, dict):
        raise BadRow(f"{key} must be an object")
    return value


def _objects(row: Row, key: str) -> list[Row]:
    value: Json = row.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise BadRow(f"{key} must be a list of objects")
    return value


def _number(entry: Row, key: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRow(f"{key} must be a number")
    return float(value)


HEED = Format("heed", "Heed's full row, as it exports it", matches, read, write)
