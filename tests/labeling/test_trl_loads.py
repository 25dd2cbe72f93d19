"""TRL's own trainers take what Heed exports, unchanged: files in, one step of training out."""

from pathlib import Path
from typing import Any

import pytest

from labeling.actions.exporting import export_to
from labeling.models import Project
from labeling.queries.export_rows import ExportOptions
from tests.labeling.cast import project_of_ada
from tests.labeling.transfers import import_rows, pair

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore"),  # other people's code warns about other people's code
]

TEMPLATE = (
    "{% for turn in messages %}<|{{ turn.role }}|>{{ turn.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A byte-level tokenizer with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|pad|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        [], trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet)
    )
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>", pad_token="<|pad|>")
    made.chat_template = TEMPLATE
    return made


def small_config(tokenizer: Any, **more: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **more,
    )


def exported(project: Project, folder: Path, **options: Any) -> Any:
    """The file as `datasets` loads it."""
    import datasets

    kind = options.get("file", "jsonl")
    path = folder / f"rows.{kind}"
    export_to(project=project, options=ExportOptions(held_out=True, **options), path=path)
    builder = "parquet" if kind == "parquet" else "json"
    return datasets.load_dataset(builder, data_files=str(path), split="train", cache_dir=str(folder / "cache"))


@pytest.fixture
def project(db: None, tmp_path: Path) -> Project:
    made = project_of_ada()
    import_rows(made, tmp_path, [pair(n) for n in range(6)])
    transcript = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: "
    import_rows(made, tmp_path, [{"chosen": transcript + "Because.", "rejected": transcript}])
    return made


STEP: dict[str, Any] = {
    "max_steps": 1,
    "per_device_train_batch_size": 4,
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "save_strategy": "no",
    "disable_tqdm": True,
}
WAYS = [
    {},
    {"file": "parquet"},
    {"prompt": "implicit"},
    {"style": "standard"},
    {"style": "standard", "prompt": "implicit"},
    {"margin": True},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_trls_dpo_trainer_takes_the_file(project: Project, tmp_path: Path, tokenizer: Any, options: Any) -> None:
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    AutoModelForCausalLM.from_config(small_config(tokenizer)).save_pretrained(tmp_path / "model")
    trainer = DPOTrainer(
        model=str(tmp_path / "model"),  # it loads its reference from the same place
        args=DPOConfig(output_dir=str(tmp_path / "out"), **STEP),
        train_dataset=exported(project, tmp_path, **options),
        processing_class=tokenizer,
    )
    assert trainer.train().training_loss > 0
    assert len(trainer.train_dataset) == 7


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_trls_reward_trainer_takes_the_file(project: Project, tmp_path: Path, tokenizer: Any, options: Any) -> None:
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    trainer = RewardTrainer(
        model=AutoModelForSequenceClassification.from_config(small_config(tokenizer, num_labels=1)),
        args=RewardConfig(output_dir=str(tmp_path / "out"), **STEP),
        train_dataset=exported(project, tmp_path, **options),
        processing_class=tokenizer,
    )
    assert trainer.train().training_loss > 0
    assert len(trainer.train_dataset) == 7


def test_unpaired_rows_have_the_columns_that_trl_names(project: Project, tmp_path: Path) -> None:
    found = exported(project, tmp_path, format="kto", columns=False)
    assert found.column_names == ["prompt", "completion", "label"]
    assert found["label"] == [True, False] * 7
