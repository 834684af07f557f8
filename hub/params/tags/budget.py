"""How much work the prompts of one request may make, whatever their tags multiply. Pure counting."""


class Spent(Exception):
    """The budget is used up; the text says what of."""


class Budget:
    """Counts the tags carried out and the characters read for it; `above` is counted along.

    Raises Spent at either limit: a prompt can neither hang nor fill the memory.
    """

    def __init__(self, tags: int, characters: int, above: "Budget | None" = None) -> None:
        self._most_tags, self._most_characters = tags, characters
        self._tags = self._characters = 0
        self._above = above

    def tag(self) -> None:
        """One more tag is carried out."""
        self._tags += 1
        if self._tags > self._most_tags:
            raise Spent(f"its tags come to more than {self._most_tags} when carried out")
        if self._above is not None:
            self._above.tag()

    def read(self, characters: int) -> None:
        """So many characters are read."""
        self._characters += characters
        if self._characters > self._most_characters:
            raise Spent(f"carrying out its tags takes more than {self._most_characters} characters of text")
        if self._above is not None:
            self._above.read(characters)


def budget_of_a_request() -> Budget:
    """What the prompts of all pictures of a request may take together: seconds, not minutes."""
    return Budget(500_000, 40_000_000)


def budget_of_a_picture(above: Budget | None = None) -> Budget:
    """What one picture's prompts may take."""
    return Budget(10_000, 4_000_000, above)
