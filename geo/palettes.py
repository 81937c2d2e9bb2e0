"""Colours of map classes that people with any colour vision can tell apart, and the marks beside them.

Anchor colours: viridis and cividis (matplotlib, CC0); Blues, OrRd, RdBu and PuOr after Brewer CA, ColorBrewer.
A test simulates protanopia, deuteranopia and tritanopia on every palette.
"""

from __future__ import annotations

from geo.errors import GeoError

NO_DATA = "#ffffff"
SUPPRESSED = "#f2f2f2"
BORDER = "#6b6b6b"
CLUSTER = "#111111"

SEQUENTIAL = {
    "blues": ("#eff3ff", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"),
    "orrd": ("#fef0d9", "#fdd49e", "#fdbb84", "#fc8d59", "#ef6548", "#d7301f", "#b30000", "#7f0000"),
    "viridis": ("#fde725", "#a0da39", "#4ac16d", "#1fa187", "#277f8e", "#365c8d", "#46327e", "#440154"),
    "cividis": ("#fee838", "#d9c55c", "#b3a470", "#918778", "#70707a", "#525a70", "#2c436f", "#00224e"),
}
DIVERGING = {
    "rdbu": ("#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b"),
    "puor": ("#542788", "#8073ac", "#b2abd2", "#d8daeb", "#f7f7f7", "#fee0b6", "#fdb863", "#e08214", "#b35806"),
}
PALETTES = {**SEQUENTIAL, **DIVERGING}


def channels(colour: str) -> tuple[int, int, int]:
    """Gives red, green and blue (0 to 255) of `#rrggbb`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def palette(name: str, count: int) -> list[str]:
    """Gives `count` colours from low to high, spread evenly over the palette's anchors."""
    if name not in PALETTES:
        raise GeoError("usage", f"unknown palette {name!r}", hint=f"one of {', '.join(PALETTES)}")
    anchors = PALETTES[name]
    if not 1 <= count <= 9:
        raise GeoError("map-classes", "between 1 and 9 classes can be told apart")
    if count == 1:
        return [anchors[len(anchors) // 2]]
    colours = []
    for step in range(count):
        at = step * (len(anchors) - 1) / (count - 1)
        left = min(int(at), len(anchors) - 2)
        low, high = channels(anchors[left]), channels(anchors[left + 1])
        mixed = [round(a + (b - a) * (at - left)) for a, b in zip(low, high)]
        colours.append("#{:02x}{:02x}{:02x}".format(*mixed))
    return colours
