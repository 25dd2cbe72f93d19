"""`python -m training.learning.check REF`: does a policy load, and can it answer? One JSON object on standard output.

A process of its own, so that a web process never loads a model, and a broken model breaks nothing else.
"""

import json
import sys
from typing import Any

from .models import NoModel, load_policy, model_digest
from .recipes import SamplerSettings
from .rows import Message
from .sampling import sample


def check(ref: str) -> dict[str, Any]:
    """Load a policy and let it say a few tokens. `ok` is false, with an error in words, when either fails."""
    try:
        policy = load_policy(ref)
        question: list[Message] = [{"role": "user", "content": "Hello"}]
        sample(policy, [question], SamplerSettings(max_new_tokens=4), [0])
    except NoModel as error:
        return {"ok": False, "error": str(error)}
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
        return {"ok": False, "error": f"{ref!r} loads but cannot answer: {error}"}
    return {
        "ok": True,
        "parameters": policy.parameters,
        "directory": str(policy.directory),
        "digest": model_digest(policy.directory),
        "chat_template": bool(policy.tokenizer.chat_template),
    }


if __name__ == "__main__":
    json.dump(check(sys.argv[1]), sys.stdout)
