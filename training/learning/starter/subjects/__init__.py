"""What the starter's generator can talk about: sixteen domains and their topics."""

from training.learning.starter.subjects.company import PARTIES, PETS
from training.learning.starter.subjects.decisions import CHOICES, OUTINGS
from training.learning.starter.subjects.facts import FACTS
from training.learning.starter.subjects.feelings import COMFORT, MESSAGES
from training.learning.starter.subjects.habits import MONEY, REST
from training.learning.starter.subjects.house import REPAIRS, TIDYING
from training.learning.starter.subjects.kitchen_and_garden import COOKING, GARDENING
from training.learning.starter.subjects.open_subjects import OPEN
from training.learning.starter.subjects.progress import LEARNING, WORK
from training.learning.starter.subjects.shape import Domain, Kind, Step, Topic, Voices

DOMAINS: tuple[Domain, ...] = (
    COOKING,
    GARDENING,
    REPAIRS,
    TIDYING,
    REST,
    MONEY,
    COMFORT,
    MESSAGES,
    PARTIES,
    PETS,
    LEARNING,
    WORK,
    OUTINGS,
    CHOICES,
    FACTS,
    OPEN,
)

__all__ = ["DOMAINS", "Domain", "Kind", "Step", "Topic", "Voices"]
