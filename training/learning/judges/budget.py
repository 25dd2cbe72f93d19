"""How much one client may ask in its life."""

import threading

from .endpoint import Endpoint
from .trouble import BudgetSpent


class Budget:
    """Counts requests and tokens; ``reserve`` refuses in words before a request, ``settle`` says what it really took.

    A request reserves the most that it could cost, so that requests side by side cannot overdraw together.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.most_requests, self.most_tokens = endpoint.most_requests, endpoint.most_tokens
        self.requests = self.tokens = 0
        self._lock = threading.Lock()

    def reserve(self, tokens: int) -> None:
        """Take one request and so many tokens. Raises BudgetSpent."""
        with self._lock:
            if self.requests >= self.most_requests:
                raise BudgetSpent(
                    f"the judge was asked {self.requests} times, which is all it was given "
                    f"(most_requests {self.most_requests}): ask for less, or allow more"
                )
            if self.tokens + tokens > self.most_tokens:
                raise BudgetSpent(
                    f"the judge has read and written {self.tokens} tokens of {self.most_tokens} and this request could "
                    f"take {tokens} more: ask for less, or allow more (most_tokens)"
                )
            self.requests += 1
            self.tokens += tokens

    def settle(self, reserved: int, used: int) -> None:
        """What a request really took, instead of what was reserved for it."""
        with self._lock:
            self.tokens += used - reserved
