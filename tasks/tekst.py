"""Numbers as Norwegians write them."""


def tall(number: float, decimals: int = 0) -> str:
    """Return a number with a decimal comma and hard spaces between thousands.

    Examples
    --------
    >>> tall(234.5, 1)
    '234,5'
    """
    return f"{number:,.{decimals}f}".replace(",", "\u00a0").replace(".", ",")
