"""Conversations to tokens: a group holds the prompt's tokens once and its responses as branches.

Nothing is joined by hand. The prompt and every continuation are rendered whole; the boundary between
prompt and responses is the longest common prefix of all those token sequences.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .rows import Message

Tokens = tuple[int, ...]
RENDERING = 1  # raise it when the same conversation comes out as other tokens: what is cached by text is then unknown


@dataclass(frozen=True)
class Group:
    """A prompt and its responses as token ids.

    The whole sequence of response j is ``prompt + responses[j]``; every response holds at least one token
    and, unless it was cut, ends with an end token. ``prompt_cut`` and ``response_cut`` count the tokens
    that ``max_length`` left out (from the prompt's start, from the responses' ends).
    """

    prompt: Tokens
    responses: tuple[Tokens, ...]
    prompt_cut: int = 0
    response_cut: int = 0


@dataclass(frozen=True)
class Text:
    """Renders conversations for one tokenizer.

    With a chat template the template decides. Without one, each turn is ``Role: content`` followed by an
    empty line, the prompt ends with ``Assistant:``, and a response is a space, its text and the end token.

    ``end_ids`` are the tokens that end a response: the tokenizer's eos first, then those of the model's
    generation settings. ``context`` is the longest sequence that the model can read, in tokens.
    """

    tokenizer: Any
    end_ids: Tokens
    context: int

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """The strings that the tokenizer would read as control tokens."""
        return tuple(str(token) for token in self.tokenizer.get_added_vocab())

    def prompt_tokens(self, prompt: Sequence[Message]) -> Tokens:
        """The rendered prompt up to where the assistant's answer begins. ValueError when none can be."""
        tokens = self._render(prompt, open_turn=True)
        if tokens:
            return tokens
        first = self.tokenizer.bos_token_id
        if first is None:
            raise ValueError("the prompt renders to no token and the tokenizer has no bos token to start from")
        return (int(first),)

    def group(
        self,
        prompt: Sequence[Message],
        responses: Sequence[Sequence[Message]],
        *,
        max_length: int | None = None,
    ) -> Group:
        """Render a prompt with its responses; an empty response is just the end token.

        ``max_length`` (tokens per sequence, at most and by default ``context``) keeps the prompt's end.
        A response of several messages is one branch, all of whose tokens are predicted.
        """
        start = self.prompt_tokens(prompt)
        wholes = [self._continued(prompt, response, start) for response in responses]
        boundary = common_prefix_length([start, *wholes])
        boundary = max(1, min(boundary, *(len(whole) - 1 for whole in wholes)))
        branches = tuple(self._ended(whole[boundary:]) for whole in wholes)
        return fit(
            Group(start[:boundary], branches),
            min(max_length or self.context, self.context),
        )

    def group_of_tokens(
        self,
        prompt: Sequence[Message],
        responses: Iterable[Sequence[int]],
        *,
        max_length: int | None = None,
    ) -> Group:
        """A group whose responses are token ids as they were sampled (text may tokenise differently)."""
        branches = tuple(tuple(tokens) for tokens in responses)
        return fit(
            Group(self.prompt_tokens(prompt), branches),
            min(max_length or self.context, self.context),
        )

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a response, without control tokens and, in the plain rendering, its leading space."""
        text = str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))
        return text if self.tokenizer.chat_template else text.removeprefix(" ")

    def _continued(self, prompt: Sequence[Message], response: Sequence[Message], start: Tokens) -> Tokens:
        answer = list(response) or [Message(role="assistant", content="")]
        whole = self._render([*prompt, *answer], open_turn=False)
        # A template that renders nothing of an empty turn still gets its end token.
        return whole if len(whole) > len(start) else (*whole, self.end_ids[0])

    def _ended(self, tokens: Tokens) -> Tokens:
        """Cut what the template writes after the last end token; add the end token where it writes none."""
        for place in range(len(tokens) - 1, -1, -1):
            if tokens[place] in self.end_ids:
                return tokens[: place + 1]
        return (*tokens, self.end_ids[0])

    def _render(self, messages: Sequence[Message], *, open_turn: bool) -> Tokens:
        if not self.tokenizer.chat_template:
            return self._render_plain(messages, open_turn=open_turn)
        # Control tokens inside a message's text are read as text: nobody ends a turn by typing its end token.
        hostile = any(token in message["content"] for message in messages for token in self.control_tokens)
        try:
            tokens = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                add_generation_prompt=open_turn,
                tokenize=True,
                return_dict=False,
                sanitize_control_tokens=hostile,
            )
        except Exception as error:  # a template raises what it likes; jinja's own errors share no base with it
            roles = ", ".join(message["role"] for message in messages)
            raise ValueError(f"the model's chat template refuses a conversation with roles {roles}: {error}") from error
        return tuple(tokens)

    def _render_plain(self, messages: Sequence[Message], *, open_turn: bool) -> Tokens:
        text = "\n\n".join(_plain_turn(message) for message in messages)
        if open_turn:
            text = f"{text}\n\nAssistant:" if text else "Assistant:"
        tokens = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return (*self._opening, *tokens)

    @cached_property
    def _opening(self) -> Tokens:
        """What the tokenizer itself puts before a text (bos, or nothing)."""
        bos = self.tokenizer.bos_token_id
        return (bos,) if bos is not None and list(self.tokenizer("a")["input_ids"])[:1] == [bos] else ()


def _plain_turn(message: Message) -> str:
    role = message["role"].capitalize()
    return f"{role}: {message['content']}" if message["content"] else f"{role}:"


def common_prefix_length(sequences: Sequence[Tokens]) -> int:
    """How many leading tokens all sequences share."""
    first, last = min(sequences), max(sequences)  # in sorted order only the extremes can differ earliest
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def fit(group: Group, max_length: int) -> Group:
    """Cut a group to ``max_length`` tokens per sequence: from the prompt's start, then from a response's end.

    The prompt keeps at least one token. What was cut is counted in the group, never dropped silently.
    """
    longest = max((len(response) for response in group.responses), default=0)
    keep = max(1, min(len(group.prompt), max_length - longest))
    responses = tuple(response[: max_length - keep] for response in group.responses)
    lost = sum(map(len, group.responses)) - sum(map(len, responses))
    prompt = group.prompt[len(group.prompt) - keep :]
    if keep == len(group.prompt) and not lost:
        return group
    return replace(
        group,
        prompt=prompt,
        responses=responses,
        prompt_cut=len(group.prompt) - keep,
        response_cut=lost,
    )


def cuts(groups: Iterable[Group]) -> dict[str, int]:
    """How much ``max_length`` cost: groups cut, prompt tokens and response tokens left out."""
    cut = [group for group in groups if group.prompt_cut or group.response_cut]
    return {
        "groups_cut": len(cut),
        "prompt_tokens_cut": sum(group.prompt_cut for group in cut),
        "response_tokens_cut": sum(group.response_cut for group in cut),
    }


def end_ids(tokenizer: Any, generation_eos: int | Sequence[int] | None) -> Tokens:
    """The tokens that end a response. Raises ValueError when neither tokenizer nor model names one."""
    named = [generation_eos] if isinstance(generation_eos, int) else list(generation_eos or [])
    found = [token for token in (tokenizer.eos_token_id, *named) if token is not None]
    if not found:
        raise ValueError("the tokenizer has no eos token: set eos_token in its tokenizer_config.json")
    return tuple(dict.fromkeys(int(token) for token in found))
