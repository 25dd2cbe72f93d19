"""What the starter's generator can talk about: sixteen domains and their topics."""

from training.learning.starter.subjects.facts import FACTS
from training.learning.starter.subjects.growing_and_going import CHOICES, LEARNING, OUTINGS, WORK
from training.learning.starter.subjects.house_and_habits import MONEY, REPAIRS, REST, TIDYING
from training.learning.starter.subjects.kitchen_and_garden import COOKING, GARDENING
from training.learning.starter.subjects.open_subjects import OPEN
from training.learning.starter.subjects.people import COMFORT, MESSAGES, PARTIES, PETS
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
