"""The network: gated dilated convolutions over the words of a page, in plain numpy. Inference only.

A model file is an ``.npz`` of half-precision arrays::

    version    what `features.VERSION` was in training
    table      (features.ROWS, width) embeddings; a word's are summed
    kernel0..  (3 * width, 2 * width) one per layer; layer i looks 2**i words to each side
    bias0..    (2 * width,)
    page       (2 * width, width), page_bias (width,): the mean and the greatest of all words' states after
               layer ``PAGE_AFTER``, given back to every word: whether the page tells of people at all
    head       (width, classes), head_bias (classes,)
    classes    "", "PERSON", "+PERSON", "JP_ADDRESS" …: outside; begins a name; goes on with it; in a datum
    common     usual words and their kinds, "する\tverb"; no names are among them

Linear in the number of words. Reads one file when told to; never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redaction.tagger.features import VERSION, Common

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


PAGE_AFTER = 1
"""The layer after which the page as a whole is looked at."""


class Network:
    """``layers`` are (kernel, bias) from the first to the last, ``page`` and ``head`` (matrix, bias);
    ``common`` is for `features.features`."""

    def __init__(
        self,
        table: Floats,
        layers: list[tuple[Floats, Floats]],
        page: tuple[Floats, Floats],
        head: tuple[Floats, Floats],
        classes: Sequence[str],
        common: Common,
    ) -> None:
        self._table, self._layers, self._page, self._head = table, layers, page, head
        self.classes = tuple(classes)
        self.common = common

    def probabilities(self, rows: NDArray[np.int32]) -> Floats:
        """Of each word being of each of the classes: shape (words, classes).

        ``rows`` are what `features.features` gives: shape (words, columns).
        """
        import numpy as np

        state: Floats = self._table.take(rows[:, 0], axis=0)
        for column in range(1, rows.shape[1]):  # three times as quick as one sum over an axis
            state += self._table.take(rows[:, column], axis=0)
        width = state.shape[1]
        for index, (kernel, bias) in enumerate(self._layers):
            step = 1 << index
            mixed = state @ kernel[width : 2 * width]
            mixed += bias
            if len(state) > step:  # what is beyond either end counts as nothing
                mixed[step:] += state[:-step] @ kernel[:width]
                mixed[:-step] += state[step:] @ kernel[2 * width :]
            gate = mixed[:, width:]
            # A sigmoid by way of tanh: exp() of a large negative number would overflow.
            gate *= 0.5
            np.tanh(gate, out=gate)
            gate += 1.0
            gate *= np.maximum(mixed[:, :width], 0.0)
            state += gate
            if index == PAGE_AFTER and len(state):
                whole = np.concatenate((state.mean(axis=0), state.max(axis=0)))
                state += np.maximum(whole @ self._page[0] + self._page[1], 0.0)
        logits: Floats = state @ self._head[0] + self._head[1]
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits


def read(file: Path) -> Network:
    """A model from its file. Raises OSError, or ValueError for a file of another version."""
    import numpy as np

    with np.load(file, allow_pickle=False) as arrays:
        if int(arrays["version"]) != VERSION:
            raise ValueError(
                f"{file}: made for features {int(arrays['version'])}, not {VERSION}: train again"
            )
        usual = (word.split("\t") for word in arrays["common"].tolist())
        common: Common = {(text, kind): None for text, kind in usual}
        classes = arrays["classes"].tolist()
        numbers = [name for name in arrays.files if name not in ("version", "common", "classes")]
        plain = {name: arrays[name].astype(np.float32) for name in numbers}
    count = sum(name.startswith("kernel") for name in plain)
    layers = [(plain[f"kernel{index}"], plain[f"bias{index}"]) for index in range(count)]
    page, head = ((plain[name], plain[f"{name}_bias"]) for name in ("page", "head"))
    return Network(plain["table"], layers, page, head, classes, common)
