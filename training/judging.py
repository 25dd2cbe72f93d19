"""The judge of this installation: the endpoint that the settings name, and the client that asks it."""

from alignment_site import env
from labeling.models import Project
from training.folders import project_folder
from training.learning.judges import ChatClient, Endpoint
from training.learning.judges.answers import AnswerFiles

FOLDER = "judge-answers"


def judge_endpoint() -> Endpoint | None:
    """What HEED_JUDGE_URL, HEED_JUDGE_MODEL and HEED_JUDGE_KEY name; None where no address is set.

    Raises BadSetting in words that never hold the key.
    """
    address, model, key = (env.text(f"HEED_JUDGE_{part}") for part in ("URL", "MODEL", "KEY"))
    if not address:
        if model or key:
            raise env.BadSetting("HEED_JUDGE_URL is not set, and a model or key without an address asks nobody.")
        return None
    try:
        return Endpoint(address.rstrip("/"), model, key)
    except ValueError as error:
        raise env.BadSetting(f"The judge's settings (HEED_JUDGE_URL, _MODEL, _KEY) cannot be used: {error}.") from None


def judge_client(project: Project) -> ChatClient | None:
    """A client of that endpoint; None where none is set. What it answers about a project's texts is kept in the
    project's own folder, and goes with it.
    """
    endpoint = judge_endpoint()
    return None if endpoint is None else ChatClient(endpoint, AnswerFiles(project_folder(project, FOLDER)))
