"""Fitting the network with PyTorch. Training only: run time needs numpy alone.

The same arithmetic as `redaction.tagger.network`; `train.py` compares the two after fitting. PyTorch is
not among the project's packages: whoever trains brings it (README.md), and it is imported late.
"""

import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from redaction.tagger.features import OFFSETS, ROWS, VERSION
from redaction.tagger.network import PAGE_AFTER, Network
from redaction.tagger.training.examples import Example

_BATCH = 6_000
"""Words in a batch, padding included."""

_DROPPED = {0: 0.15, 1: 0.1, 2: 0.1, 5: 0.05, 6: 0.15, 7: 0.15}
"""How often a column of the features is not shown: names nobody met before have words and letters that
say nothing, and most cells have headings nobody listed."""

Weights = dict[str, Any]
"""Tensors by the names they have in the model file."""


def fit(examples: Sequence[Example], classes: int, width: int, layers: int, epochs: int,
        seed: int) -> Weights:  # fmt: skip
    """Fit on all examples, ``epochs`` times over. Says how it goes on standard output."""
    torch = import_module("torch")
    torch.manual_seed(seed)
    random = Random(seed)
    examples = [one for one in examples if len(one.labels)]
    weights = _fresh(torch, classes, width, layers)
    optimiser = torch.optim.AdamW(weights.values(), lr=3e-3, weight_decay=0.02)
    steps = epochs * (sum(1 for _ in _batches(examples, random)) + 4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        began, lost, count = time.monotonic(), 0.0, 0
        for group in _batches(examples, random):
            rows, told, weight, mask = _tensors(torch, group)
            logits = _logits(torch, weights, rows, mask, learning=True)
            losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), told.flatten(), reduction="none")
            loss = (losses * weight.flatten()).sum() / weight.sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimiser.step()
            schedule.step()
            lost, count = lost + loss.item(), count + 1
        print(f"epoch {epoch + 1}: loss {lost / count:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return weights


def write(weights: Weights, classes: Sequence[str], common: Sequence[str], file: Path) -> None:
    """Half precision; the form is told in `redaction.tagger.network`."""
    import numpy as np

    half: dict[str, Any] = {
        name: value.detach().numpy().astype(np.float16) for name, value in weights.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    half |= {"version": np.int64(VERSION), "classes": np.array(classes), "common": np.array(common)}
    np.savez_compressed(file, **half)


def distance(weights: Weights, network: Network, examples: Sequence[Example]) -> float:
    """The largest difference of a probability between PyTorch and numpy, on some examples."""
    torch = import_module("torch")
    worst = 0.0
    with torch.no_grad():
        for one in examples:
            rows, _, _, mask = _tensors(torch, [one])
            logits = _logits(torch, weights, rows, mask, learning=False)[0]
            theirs = torch.softmax(logits, dim=-1).numpy()
            worst = max(worst, float(abs(theirs - network.probabilities(one.rows)).max()))
    return worst


def _fresh(torch: Any, classes: int, width: int, layers: int) -> Weights:
    def matrix(rows: int, columns: int) -> Any:
        return (torch.rand(rows, columns) * 2 - 1) / rows**0.5

    weights = {
        "table": torch.randn(ROWS, width) * 0.1,
        "page": matrix(2 * width, width), "page_bias": torch.zeros(width),
        "head": matrix(width, classes), "head_bias": torch.zeros(classes),
    }  # fmt: skip
    for index in range(layers):
        weights[f"kernel{index}"] = matrix(3 * width, 2 * width)
        weights[f"bias{index}"] = torch.zeros(2 * width)
    return {name: value.requires_grad_() for name, value in weights.items()}


def _logits(torch: Any, weights: Weights, rows: Any, mask: Any, learning: bool) -> Any:
    drop = torch.nn.Dropout(0.15 if learning else 0.0)
    seen = torch.nn.functional.embedding(rows, weights["table"])
    if learning:
        chance = torch.tensor([_DROPPED.get(column, 0.0) for column in range(rows.shape[-1])])
        seen = seen * (torch.rand(rows.shape) >= chance).unsqueeze(-1)
    there = mask.unsqueeze(-1)
    state = drop(seen.sum(dim=2)) * there
    size, width = state.shape[1:]
    for index in range(sum(name.startswith("kernel") for name in weights)):
        step = 1 << index
        padded = torch.nn.functional.pad(state, (0, 0, step, step))
        wide = torch.cat((padded[:, :size], state, padded[:, 2 * step :]), dim=2)
        mixed = wide @ weights[f"kernel{index}"] + weights[f"bias{index}"]
        grown = torch.relu(mixed[..., :width]) * (1.0 + torch.tanh(0.5 * mixed[..., width:]))
        state = (state + drop(grown)) * there
        if index == PAGE_AFTER:
            mean = state.sum(dim=1) / mask.sum(dim=1, keepdim=True)
            most = state.masked_fill(there == 0, float("-inf")).amax(dim=1)
            whole = torch.relu(torch.cat((mean, most), dim=1) @ weights["page"] + weights["page_bias"])
            state = (state + drop(whole).unsqueeze(1)) * there
    return state @ weights["head"] + weights["head_bias"]


def _batches(examples: Sequence[Example], random: Random) -> Iterator[list[Example]]:
    """Examples of like length together, in an order that changes."""
    groups: list[list[Example]] = [[]]
    for one in sorted(examples, key=lambda one: len(one.labels) + random.random() * 8):
        if groups[-1] and (len(groups[-1]) + 1) * len(one.labels) > _BATCH:
            groups.append([])
        groups[-1].append(one)
    random.shuffle(groups)
    yield from groups


def _tensors(torch: Any, group: Sequence[Example]) -> tuple[Any, Any, Any, Any]:
    longest = max(len(one.labels) for one in group)
    rows = torch.zeros(len(group), longest, len(OFFSETS), dtype=torch.long)
    told = torch.zeros(len(group), longest, dtype=torch.long)
    weight = torch.zeros(len(group), longest)
    mask = torch.zeros(len(group), longest)
    for index, one in enumerate(group):
        size = len(one.labels)
        rows[index, :size], told[index, :size] = torch.from_numpy(one.rows), torch.from_numpy(one.labels)
        weight[index, :size], mask[index, :size] = one.weight, 1.0
    return rows, told, weight, mask
