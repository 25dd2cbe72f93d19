"""The client of chat completions against a real server: tries, waits, budgets, stores, and never tells the key."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import parse_headers
from pathlib import Path

import pytest

from tests.training.judges.chat_server import Served, chat_server, in_turn
from tests.training.learning.tiny import user
from training.learning.judges import Answer, BudgetSpent, ChatClient, Endpoint, JudgeTrouble, Question
from training.learning.judges.answers import AnswerFiles
from training.learning.judges.waiting import retry_after, seconds_to_wait

KEY = "sk-test-0123456789"
HELLO = Question(tuple(user("Hello")))


def test_it_asks_as_the_protocol_wants_and_reads_the_answer() -> None:
    with chat_server(in_turn(Served("Good day", finish="length"))) as server:
        question = Question(tuple(user("Hello")), temperature=0.5, max_tokens=7, draw=3, as_json=True)
        answer = ChatClient(server.endpoint(key=KEY)).ask(question)
    assert (answer.text, answer.cut, answer.tokens) == ("Good day", True, 10)
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert server.requests[0] == {
        "model": "test",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.5,
        "max_tokens": 7,
        "seed": 3,
        "response_format": {"type": "json_object"},
    }


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_stumbles_is_asked_again_with_growing_waits(status: int) -> None:
    waits: list[float] = []
    stumbles = [Served(status=status)] * 3
    with chat_server(in_turn(*stumbles, Served("at last"))) as server:
        endpoint = server.endpoint(first_wait=1.0, longest_wait=60.0)
        answer = ChatClient(endpoint, sleep=waits.append, chance=random.Random(1)).ask(HELLO)
    assert answer.text == "at last" and len(server.requests) == 4
    assert all(0.5 * 2**k <= wait <= 2**k for k, wait in enumerate(waits)) and len(waits) == 3


def test_it_waits_as_long_as_the_server_asks_and_no_longer_than_allowed() -> None:
    waits: list[float] = []
    with chat_server(in_turn(Served(status=429, headers={"Retry-After": "7"}), Served("ok"))) as server:
        ChatClient(server.endpoint(longest_wait=60.0), sleep=waits.append).ask(HELLO)
    assert waits == [7.0]
    with chat_server(in_turn(Served(status=429, headers={"Retry-After": "900"}))) as server:
        with pytest.raises(JudgeTrouble, match="asks to wait 900 s"):
            ChatClient(server.endpoint(), sleep=waits.append).ask(HELLO)
        assert len(server.requests) == 1


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after("12") == 12.0
    assert retry_after("Thu, 01 Jan 2026 00:01:30 GMT", now) == 90.0
    assert retry_after("Thu, 01 Jan 2026 00:01:30 -0000", now) == 90.0
    assert retry_after("Wed, 31 Dec 2025 00:00:00 GMT", now) == 0.0
    assert retry_after("soon") is None and retry_after(None) is None


def test_after_the_last_try_it_gives_up_in_words() -> None:
    with chat_server(in_turn(Served(status=503, raw=b"overloaded"))) as server:
        with pytest.raises(JudgeTrouble, match=r"refused with 503: overloaded \(tried 3 times\)"):
            ChatClient(server.endpoint(attempts=3), sleep=lambda seconds: None).ask(HELLO)
        assert len(server.requests) == 3
    endpoint = Endpoint("http://127.0.0.1:1/v1", "test", attempts=2)
    with pytest.raises(JudgeTrouble, match=r"cannot be reached: .* \(tried 2 times\)"):
        ChatClient(endpoint, sleep=lambda seconds: None).ask(HELLO)
    assert seconds_to_wait(1, None, endpoint, random.Random(0)) is None


def test_a_refusal_is_not_asked_again_and_no_message_holds_the_key() -> None:
    echo = Served(status=401, raw=f"Incorrect key {KEY}\x1b[31m".encode())
    with chat_server(in_turn(echo)) as server:
        with pytest.raises(JudgeTrouble, match=r"401 \(check the key\): Incorrect key \[key\]") as told:
            ChatClient(server.endpoint(key=KEY)).ask(HELLO)
        assert len(server.requests) == 1
    assert KEY not in str(told.value) and "\x1b" not in str(told.value)
    assert KEY not in repr(server.endpoint(key=KEY))


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (Served(status=307, headers={"Location": "http://127.0.0.1:1/"}), "redirects elsewhere"),
        (Served(raw=b"x" * 5000), "more than 4000 bytes"),
        (Served(raw=b"<html>"), "no chat completion"),
        (Served(raw=b'{"choices": []}'), "no chat completion"),
        (Served(raw=b'{"choices": [{"message": {"content": null}}]}'), "without a text"),
        (Served(raw=b'{"choices": [{"message": {}, "finish_reason": "stop"}]}'), "without a text"),
        (Served(" \n", finish="length"), "went into thinking"),
        (Served("Well, ", finish="content_filter"), "its filter refused"),
        (Served(raw=b'{"choices": ' + b"[" * 3000), "no chat completion"),
        (Served(status=400, raw=b"content_filter"), "refused with 400: content_filter"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(served: Served, words: str) -> None:
    with (
        chat_server(in_turn(served)) as server,
        pytest.raises(JudgeTrouble, match=words),
    ):
        ChatClient(server.endpoint(largest_answer=4000)).ask(HELLO)


def test_a_text_that_no_file_could_hold_is_mended(tmp_path: Path) -> None:
    body = b'{"choices": [{"message": {"content": "half \\ud83d, nul \\u0000."}}]}'
    with chat_server(in_turn(Served(raw=body))) as server:
        client = ChatClient(server.endpoint(), AnswerFiles(tmp_path))
        assert client.ask(HELLO).text == client.ask(HELLO).text == "half ?, nul \ufffd."


@contextmanager
def raw_server(*said: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serves each connection by the next of these, the last again and again, below HTTP."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        left = list(said)
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                with connection.makefile("rb") as asked:
                    asked.readline()
                    asked.read(int(parse_headers(asked)["Content-Length"]))
                (left.pop(0) if len(left) > 1 else left[0])(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def saying(*pieces: bytes, every: float = 0.0) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(every)

    return say


WHOLE = b'{"choices": [{"message": {"content": "whole"}}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE)


@pytest.mark.parametrize(
    "drips",
    [
        (b"H", *[b"T"] * 100),
        (b"HTTP/1.1 200 OK\r\nX: ", *[b"x"] * 100),
        (HEAD, *[WHOLE[n : n + 1] for n in range(len(WHOLE))]),
    ],
)
def test_a_server_that_drips_bytes_is_left_in_time(drips: tuple[bytes, ...]) -> None:
    with raw_server(saying(*drips, every=0.03)) as address:
        began = time.monotonic()
        with pytest.raises(JudgeTrouble, match="no answer in time"):
            ChatClient(Endpoint(address, "test", timeout=0.15, attempts=1)).ask(HELLO)
        assert time.monotonic() - began < 1


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with RST


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(WHOLE)
    broken = (saying(), saying(HEAD[:20]), saying(HEAD, WHOLE[:-5]), saying(chunk, WHOLE[:-5]), reset)
    for last in (saying(HEAD, WHOLE), saying(chunk, WHOLE, b"\r\n0\r\n\r\n"), saying(HEAD[:17], b"\r\n", WHOLE)):
        with raw_server(*broken, last) as address:
            assert ChatClient(Endpoint(address, "test", first_wait=0.0, attempts=6)).ask(HELLO).text == "whole"
    with (
        raw_server(saying(HEAD, WHOLE[:-5])) as address,
        pytest.raises(JudgeTrouble, match=r"broke its answer off.*tried 2"),
    ):
        ChatClient(Endpoint(address, "test", first_wait=0.0, attempts=2)).ask(HELLO)


def test_a_server_that_never_answers_is_left_in_time() -> None:
    free = threading.Event()

    def asleep(asked: object) -> Served:
        free.wait(5)
        return Served("late")

    with chat_server(asleep) as server:
        began = time.monotonic()
        with pytest.raises(JudgeTrouble, match="no answer in time"):
            ChatClient(server.endpoint(timeout=0.1, attempts=1)).ask(HELLO)
        assert time.monotonic() - began < 2
        free.set()


def test_requests_and_tokens_have_an_end_that_is_said_in_words() -> None:
    with chat_server(in_turn(Served("yes", usage=10))) as server:
        client = ChatClient(server.endpoint(most_requests=2))
        client.ask(HELLO), client.ask(HELLO)
        with pytest.raises(BudgetSpent, match="asked 2 times, which is all it was given"):
            client.ask(HELLO)
        assert len(server.requests) == 2
        small = ChatClient(server.endpoint(most_tokens=30))
        with pytest.raises(BudgetSpent, match=r"0 tokens of 30 .* 517 more"):
            small.ask(HELLO)
        brief = Question(tuple(user("Hello")), max_tokens=10)
        assert [small.ask(brief).tokens, small.ask(brief).tokens] == [10, 10]  # what it took is settled
        with pytest.raises(BudgetSpent, match="20 tokens of 30"):
            small.ask(brief)


def test_no_more_than_so_many_requests_run_at_once_and_answers_keep_their_order() -> None:
    def slow(asked: dict) -> Served:
        time.sleep(0.02)
        return Served(asked["messages"][0]["content"])

    questions = [Question(tuple(user(str(number)))) for number in range(8)]
    with chat_server(slow) as server:
        answers = ChatClient(server.endpoint(concurrent=2)).ask_all(questions)
    assert [answer.text for answer in answers if isinstance(answer, Answer)] == [str(number) for number in range(8)]
    assert server.most_at_once == 2


def test_a_question_without_an_answer_leaves_the_others_theirs() -> None:
    heard: list[object] = []
    with chat_server(in_turn(Served("one"), Served(status=400, raw=b"filtered"), Served("three"))) as server:
        answers = ChatClient(server.endpoint(concurrent=1)).ask_all([HELLO] * 3, heard.append)
    assert [isinstance(answer, Answer) for answer in answers] == [True, False, True]
    assert "filtered" in str(answers[1]) and heard == answers


def test_a_pass_can_be_ended_between_answers_and_while_a_server_is_waited_for() -> None:
    class Enough(Exception):
        pass

    def stop(heard: object) -> None:
        raise Enough

    with chat_server(in_turn(Served("yes"))) as server, pytest.raises(Enough):
        ChatClient(server.endpoint(concurrent=1)).ask_all([HELLO] * 50, stop)
    assert len(server.requests) < 50
    with chat_server(in_turn(Served(status=503, headers={"Retry-After": "50"}))) as server:
        began = time.monotonic()
        with pytest.raises(Enough):
            ChatClient(server.endpoint(longest_wait=60.0)).ask_all([HELLO] * 3, stop)
        assert time.monotonic() - began < 5 and len(server.requests) == 3


def test_what_was_answered_once_is_not_asked_again_and_a_damaged_line_is(tmp_path: Path) -> None:
    other = Question(tuple(user("Hello")), draw=1)
    with chat_server(in_turn(Served("first"), Served("second"), Served("third"))) as server:
        client = ChatClient(server.endpoint(key=KEY), AnswerFiles(tmp_path))
        assert [client.ask(HELLO).text, client.ask(HELLO).text, client.ask(other).text] == ["first", "first", "second"]
        again = ChatClient(server.endpoint(), AnswerFiles(tmp_path))
        assert again.ask(HELLO).text == "first" and again.budget.requests == 0
        (file,) = tmp_path.iterdir()
        written = file.read_text(encoding="utf-8")
        assert KEY not in written and "127.0.0.1" not in written
        file.write_text(written.replace('"first"', '"forged"') + '{"torn', encoding="utf-8")
        assert len(AnswerFiles(tmp_path)) == 1
        assert ChatClient(server.endpoint(), AnswerFiles(tmp_path)).ask(HELLO).text == "third"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "ftp://judge/v1"}, "begins with http"),
        ({"base_url": "https://me:secret@judge/v1"}, "no account"),
        ({"base_url": "ftp://me:secret@judge/v1"}, "no account"),
        ({"base_url": "https://me:secret@judge:eighty/v1"}, "a host or a port that cannot be read"),
        ({"base_url": "https://judge:99999/v1"}, "a host or a port that cannot be read"),
        ({"base_url": "https://judge:0/v1"}, "port 0"),
        ({"base_url": "https://[secret/v1"}, "a host or a port that cannot be read"),
        ({"base_url": f"https://{'j' * 64}.org/v1"}, "a host or a port that cannot be read"),
        ({"base_url": "https://judge/v 1"}, "holds a space"),
        ({"base_url": "https://judge/vé"}, "characters that no address may hold"),
        ({"base_url": "http://judge.example.org/v1", "key": KEY}, "over plain http"),
        ({"base_url": "http://[::ffff:8.8.8.8]/v1", "key": KEY}, "over plain http"),
        ({"base_url": "http://134744072/v1", "key": KEY}, "written as the number"),
        ({"base_url": "http://0x8080808/v1"}, "written as the number"),
        ({"base_url": "http://2130706433/v1"}, "written as the number"),
        ({"base_url": "http://127.1/v1"}, "written as the number"),
        ({"model": " "}, "name of a model"),
        ({"key": "sk\nHost: evil"}, "no header may carry"),
        ({"attempts": 0}, "attempts is at least 1"),
        ({"timeout": 0.0}, "timeout is above 0"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused_without_telling_the_key(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as told:
        Endpoint(**{"base_url": "https://judge.example.org/v1", "model": "m", **changes})
    assert "sk" not in str(told.value) and "secret" not in str(told.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.7", "vllm", "gpu.internal", "[::1]"])
def test_a_key_goes_over_plain_http_to_one_s_own_network_only(host: str) -> None:
    assert Endpoint(f"http://{host}:8001/v1", "m", KEY).model == "m"
