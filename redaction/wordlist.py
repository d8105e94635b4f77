"""Word lists: how the data files of this room are written. Pure."""


def words(text: str) -> tuple[str, ...]:
    """The words of a text, each once, longest first: 課長補佐 must be seen before 課長."""
    return tuple(sorted(set(text.split()), key=lambda word: (-len(word), word)))
