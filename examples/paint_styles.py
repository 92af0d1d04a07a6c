"""Paint the bundled paintings, all but The Starry Night, from nothing but code.

    python examples/paint_styles.py [NAME ...]

Each painting is written to `styles/NAME.jpg`; without names the script paints all of them. The
seeds are fixed. No photograph, scan or artwork of other people goes in, so the paintings belong to
the project and have the licence of its code.

A run sees a painting through the Gram matrices of its VGG features alone, so texture is what
counts: edges and strokes at several scales, spread evenly over the picture, real darks next to real
lights, and a palette of few related hues.

A painter is a function that takes the width and height of a canvas, and returns the pixels, of
shape (height, width, 3). The canvas is `OVERSAMPLE` times too large; reducing it at the end makes
all edges smooth. If nothing else is said, lengths are in pixels of the canvas, arrays are float32
of shape (height, width), and colours are RGB from 0 to 255. A painter may exceed this range, since
the values are clipped at the end.
"""

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

OUTPUT_DIR = Path(__file__).parent / "styles"
WIDTH, HEIGHT = 768, 600
OVERSAMPLE = 2
MAX_BYTES = 250_000
JPEG_QUALITIES = (92, 90, 88, 86, 84, 82, 80)

Array = NDArray[np.float32]


# --- shared helpers -------------------------------------------------------------------------------


def coordinates(width: int, height: int) -> tuple[Array, Array]:
    """Return the x and y coordinate of every pixel."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def value_noise(
    rng: np.random.Generator, width: int, height: int, cell_x: float, cell_y: float | None = None
) -> Array:
    """Return smooth noise of about 0..1, whose spots are `cell_x` by `cell_y` pixels."""
    columns = max(2, round(width / cell_x) + 1)
    rows = max(2, round(height / (cell_y or cell_x)) + 1)
    grid = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))


def fbm(rng: np.random.Generator, width: int, height: int, cell: float, octaves: int = 4) -> Array:
    """Return fractal noise of exactly 0..1; each octave halves both the cell and the amplitude."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        total += value_noise(rng, width, height, cell / 2**octave) / 2**octave
    total -= total.min()
    return total / total.max()


def equalise(field: Array) -> Array:
    """Return the rank of every value as 0..1; by it, all parts of a palette get the same area."""
    ranks = np.empty(field.size, dtype=np.float32)
    ranks[np.argsort(field, axis=None, kind="stable")] = np.linspace(0, 1, field.size)
    return ranks.reshape(field.shape)


def jittered_grid(
    rng: np.random.Generator, width: int, height: int, spacing: float, margin: float = 0
) -> NDArray[np.float64]:
    """Return the (n, 2) points x, y of a loose grid over canvas and margin, in random order."""
    columns, rows = (int((side + 2 * margin) / spacing) + 1 for side in (width, height))
    corners = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    return rng.permutation((corners + rng.random(corners.shape)) * spacing - margin)


def smoothstep(low: ArrayLike, high: ArrayLike, value: ArrayLike) -> Array:
    """Return 0 below `low`, 1 above `high`, and a smooth ramp in between."""
    t = np.clip((np.asarray(value, dtype=np.float32) - low) / (np.asarray(high) - low), 0, 1)
    return t * t * (3 - 2 * t)


def hex_colours(codes: str) -> Array:
    """Return the `rrggbb` codes, separated by spaces, as an (n, 3) array."""
    return np.array([list(bytes.fromhex(code)) for code in codes.split()], dtype=np.float32)


def ramp(position: ArrayLike, stops: Array) -> Array:
    """Interpolate the (n, 3) colour stops at positions 0..1, into shape (..., 3).

    The squares of the values are mixed, which is close to mixing light: plain mixtures look muddy.
    """
    knots = np.linspace(0, 1, len(stops))
    channels = [np.sqrt(np.interp(position, knots, stops[:, c] ** 2)) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def blend(below: Array, above: ArrayLike, opacity: ArrayLike) -> Array:
    """Lay `above` over `below`, both (..., 3), with an opacity of 0..1 for each pixel."""
    opacity = np.asarray(opacity, dtype=np.float32)[..., None]
    return below * (1 - opacity) + np.asarray(above, dtype=np.float32) * opacity


def sample(field: Array, x: Array, y: Array) -> Array:
    """Return `field` at the pixels nearest to x, y; points outside are moved to the border."""
    rows = np.clip(np.rint(y), 0, field.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.rint(x), 0, field.shape[1] - 1).astype(np.intp)
    return field[rows, columns]


def relief(height: Array, strength: float) -> Array:
    """Return how bright a height field is by light from the upper left: about 0.4..1.6."""
    down, right = np.gradient(height)
    return 1 + 0.6 * np.tanh(strength * (right + down))


def swells(rng: np.random.Generator, width: int, height: int, cell: float) -> Array:
    """Return hills and hollows about `cell` pixels wide, as 0..1.

    Their contour lines have no preferred direction and go on beyond the borders. Those of
    `value_noise` follow its grid, which shows in large shapes.
    """
    field = np.zeros((height, width), dtype=np.float32)
    x, y = coordinates(width, height)
    reach = 1.5 * cell
    for centre_x, centre_y in jittered_grid(rng, width, height, 0.7 * cell, margin=cell):
        left, top = (max(0, int(c - reach)) for c in (centre_x, centre_y))
        box = (slice(top, int(centre_y + reach)), slice(left, int(centre_x + reach)))
        squared = (x[box] - centre_x) ** 2 + (y[box] - centre_y) ** 2
        radius = cell * rng.uniform(0.3, 0.46)
        field[box] += rng.choice((-1, 1)) * np.exp(-squared / radius**2)
    field -= field.min()
    return field / field.max()


def flow_angle(rng: np.random.Generator, width: int, height: int, cell: float) -> Array:
    """Return the direction in radians of a flow around hills and hollows, without divergence."""
    down, right = np.gradient(swells(rng, width, height, cell))
    return np.arctan2(-right, down)


def spin(x: Array, y: Array, centre: ArrayLike, turn: ArrayLike) -> tuple[Array, Array]:
    """Turn the points x, y around `centre`, each by its angle `turn` in radians."""
    centre_x, centre_y = np.asarray(centre, dtype=np.float32)
    to_x, to_y, cosine, sine = x - centre_x, y - centre_y, np.cos(turn), np.sin(turn)
    return centre_x + to_x * cosine - to_y * sine, centre_y + to_x * sine + to_y * cosine


def ellipse(centre: ArrayLike, radius_x: float, radius_y: float, tilt: float = 0) -> Array:
    """Return the (n, 2) outline of an ellipse."""
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    x, y = spin(radius_x * np.cos(turn), radius_y * np.sin(turn), (0, 0), tilt)
    return np.stack([x, y], axis=1) + np.asarray(centre)


def parallelogram(centre: Array, first: Array, second: Array) -> Array:
    """Return the (4, 2) corners of a parallelogram with these two vectors as its sides."""
    signs = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1))) / 2
    return centre + signs @ np.stack([first, second])


def unit(angle: ArrayLike) -> Array:
    """Return unit vectors of shape (..., 2) for angles in radians."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


class Impasto:
    """A canvas that knows how thick its paint is, and can be lit like a relief.

    ImageDraw leaves stairs along edges. The canvas is therefore `FINER` times larger inside; all
    coordinates and widths are in pixels of the size from outside.
    """

    FINER = 2

    def __init__(self, ground: Array) -> None:
        """Start from a ground (height, width, 3) without any thickness."""
        pixels = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
        self.colour = pixels.resize((pixels.width * self.FINER, pixels.height * self.FINER))
        self.paint = Image.new("L", self.colour.size, 0)
        self.pens = ImageDraw.Draw(self.colour), ImageDraw.Draw(self.paint)

    def draw(self, points: Array, rgb: Array, thickness: float, line_width: int = 0) -> None:
        """Fill the polygon through the (n, 2) points, or draw a line if there is a line width.

        Args:
            thickness: of the paint, 0..255.
        """
        flat = (points * self.FINER).ravel().tolist()
        fills = tuple(np.clip(rgb, 0, 255).astype(int).tolist()), int(thickness)
        for pen, fill in zip(self.pens, fills, strict=True):
            if line_width:
                pen.line(flat, fill=fill, width=line_width * self.FINER)
            else:
                pen.polygon(flat, fill=fill)

    def lit(self, strength: float, softness: float) -> Array:
        """Return the pixels (height, width, 3) under raking light.

        Args:
            softness: by how many pixels the edges of the relief are blurred.
        """
        paint = self.paint.reduce(self.FINER).filter(ImageFilter.GaussianBlur(softness))
        shade = relief(np.asarray(paint, dtype=np.float32), strength)
        return np.asarray(self.colour.reduce(self.FINER), dtype=np.float32) * shade[..., None]


def tessellate(
    seeds: NDArray[np.float64], reach: float, x: Array, y: Array, turn: Array | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """Give every pixel of the regular raster x, y to the nearest of the (n, 2) seeds.

    Returns the numbers of the nearest and of the second nearest seed, and the distances to both.

    Args:
        reach: seeds that are further away are not looked for.
        turn: (n,) angles. With them, a distance is half the side of a square around the seed that
            is turned by the angle of the seed; otherwise distances are Euclidean.
    """
    step = x[0, 1] - x[0, 0]
    nearest, second = (np.full(x.shape, 1e6, dtype=np.float32) for _ in range(2))
    owner, rival = (np.zeros(x.shape, dtype=np.intp) for _ in range(2))
    for number, seed in enumerate(seeds):
        low = np.maximum((seed - reach) / step, 0).astype(int)
        high = np.maximum((seed + reach) / step + 1, 0).astype(int)
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        to_x, to_y = x[box] - np.float32(seed[0]), y[box] - np.float32(seed[1])
        if turn is None:
            distance = np.hypot(to_x, to_y)
        else:
            distance = np.maximum(*np.abs(spin(to_x, to_y, (0, 0), -turn[number])))
        closer = distance < nearest[box]
        rival[box][distance < second[box]] = number
        rival[box][closer] = owner[box][closer]
        second[box] = np.where(closer, nearest[box], np.minimum(second[box], distance))
        owner[box][closer] = number
        nearest[box] = np.minimum(nearest[box], distance)
    return owner, rival, nearest, second


# --- the paintings --------------------------------------------------------------------------------


def flow_strokes(rng: np.random.Generator, w: int, h: int) -> Array:
    """Thick oil strokes that follow a swirling wind, embers against teal."""
    angle = flow_angle(rng, w, h, 400)
    warmth = equalise(fbm(rng, w, h, 380, 3))
    tone = equalise(fbm(rng, w, h, 200, 3))
    teal = hex_colours("041a26 0a3f4f 14707a 45a79f a9d8c3 eef2d5")
    ember = hex_colours("2a0d16 6e1a1f b8391f e2742a f3b14d fdecb4")
    canvas = Impasto(ramp(tone * 0.3, teal))
    # Strokes, width, length, tone at the dark end, tone at the light end, width of a bristle.
    layers = (
        (700, 96, 360, 0.0, 0.45, 6),
        (900, 66, 300, 0.05, 0.7, 5),
        (1000, 42, 230, 0.12, 0.9, 4),
        (700, 24, 170, 0.25, 1.0, 3),
    )
    steps = 14
    for count, stroke_width, length, darkest, lightest, bristle in layers:
        points = np.empty((count, steps, 2), dtype=np.float32)
        points[:, 0] = rng.uniform((-40, -40), (w + 40, h + 40), (count, 2))
        normals = np.empty_like(points)
        stride = length / steps * rng.uniform(0.6, 1.2, count)
        for k in range(steps):
            heading = sample(angle, points[:, k, 0], points[:, k, 1])
            normals[:, k] = unit(heading + np.pi / 2)
            if k + 1 < steps:
                points[:, k + 1] = points[:, k] + unit(heading) * stride[:, None]
        middle_x, middle_y = points[:, steps // 2, 0], points[:, steps // 2, 1]
        warm = sample(warmth, middle_x, middle_y) + rng.normal(0, 0.05, count)
        warm = smoothstep(0.46, 0.54, warm)
        light = darkest + (lightest - darkest) * sample(tone, middle_x, middle_y)
        light = np.clip(light + rng.normal(0, 0.1, count), 0, 1)
        bristles = stroke_width // (bristle - 1)
        across = np.linspace(-0.5, 0.5, bristles) * stroke_width
        for stroke in range(count):
            # The brush carries two colours, so the hue drifts from one flank to the other.
            drift = np.linspace(-0.08, 0.08, bristles) * rng.choice((-1, 1))
            drift = np.clip(light[stroke] + drift, 0, 1)
            colours = blend(ramp(drift, teal), ramp(drift, ember), np.full(bristles, warm[stroke]))
            colours *= rng.normal(1, 0.06, (bristles, 1))
            colours[[0, -1]] *= 0.6
            thickness = np.clip(rng.normal(150, 50, bristles), 40, 255)
            # A round brush touches the canvas later at its flanks, and leaves it earlier there.
            rounding = (2 * across / stroke_width) ** 2 * 2.5
            first = (rounding + rng.random(bristles)).astype(int)
            last = steps - (rounding + rng.random(bristles) * 3).astype(int)
            for b in range(bristles):
                part = slice(first[b], last[b])
                track = points[stroke, part] + normals[stroke, part] * across[b]
                canvas.draw(track, colours[b], thickness[b], bristle)
    return canvas.lit(0.022, 1.4)


def stained_glass(rng: np.random.Generator, w: int, h: int) -> Array:
    """Glass in the colours of jewels, in flowing bands and broken panes, held by lead."""
    x, y = coordinates(w, h)
    panes = jittered_grid(rng, w, h, 104, margin=104)
    pane, beyond, nearest, second = tessellate(panes, 250, x, y)
    # The distance of a pixel to the line halfway between its two nearest seeds.
    apart = np.hypot(*np.moveaxis(panes[beyond] - panes[pane], -1, 0))
    border = (second**2 - nearest**2) / np.maximum(2 * apart, 1).astype(np.float32)
    # The main leads are the contour lines of a smooth field.
    sweep = swells(rng, w, h, 480) * 7 + 0.5
    band = np.floor(sweep).astype(np.intp)
    slope = np.hypot(*np.gradient(sweep)) + 1e-4
    main_border = np.abs(sweep - np.rint(sweep)) / slope

    families = (
        "061a5c 0f3fa6 2f7ad6 9fd0f0",
        "4a0414 a3112a d9392f f49a5a",
        "063a2c 0d7a52 4fb36b c9e39a",
        "6b3503 c97a0c f0b52c fbe9a0",
        "2a0a4a 5f2390 9a58c2 dcb4e6",
        "04404e 0c8594 4cc0bd c6f0e0",
    )
    # A piece is the part of a pane within one band. A table has the colours of the pieces.
    kinds = 4096
    piece = (pane * 13 + band) % kinds
    # Most pieces of a band have its family of colours, the others have another family.
    shift = np.where(rng.random(kinds) < 0.3, rng.integers(1, 6, kinds), 0)[piece]
    family = rng.permutation(6)[(band + shift) % 6]
    direction = rng.uniform(0, 2 * np.pi, kinds).astype(np.float32)[piece]
    depth = rng.uniform(0.3, 0.95, kinds).astype(np.float32)[piece]
    across = np.sin((x * np.cos(direction) + y * np.sin(direction)) / 52 + direction * 7)
    streaks = fbm(rng, w, h, 60, 4)
    swirled = sample(streaks, (x + 90 * streaks) % w, (y * 3 + 140 * streaks) % h)
    glow = smoothstep(0, 46, np.minimum(border, main_border))
    value = np.clip(depth + 0.2 * across + 0.4 * (swirled - 0.5) + 0.22 * (glow - 0.5), 0, 1)
    glass = np.zeros((h, w, 3), dtype=np.float32)
    for number, codes in enumerate(families):
        chosen = family == number
        glass[chosen] = ramp(value[chosen], hex_colours(codes))
    hammered = value_noise(rng, w, h, 13) + 0.6 * value_noise(rng, w, h, 7)
    glass *= (relief(hammered, 1.1) * (0.72 + 0.5 * glow))[..., None]

    thin = 3.5 + 4 * value_noise(rng, w, h, 160)
    thick = 5.5 + 5 * value_noise(rng, w, h, 160)
    inside = np.maximum(1 - border / thin, 1 - main_border / thick)
    profile = np.sqrt(np.clip(inside, 0, 1)) * 9 + value_noise(rng, w, h, 9)
    lead = ramp(np.clip(value_noise(rng, w, h, 30), 0, 1), hex_colours("0e0d12 26252e"))
    lead *= relief(profile, 0.9)[..., None] ** 2
    return blend(glass, lead, smoothstep(-0.12, 0.12, inside))


def woodcut_waves(rng: np.random.Generator, w: int, h: int) -> Array:
    """Carved waves rolling over one another, prussian blue on cream with some vermilion."""
    x, y = coordinates(w, h)
    # The plane is twisted around scattered centres, which makes the crests curl over.
    for centre in jittered_grid(rng, w, h, 260):
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        curl = rng.uniform(1.4, 2.6) * np.exp(-squared / rng.uniform(80, 125) ** 2)
        x, y = spin(x, y, centre, curl.astype(np.float32))

    depth, row = np.full((h, w), 60, dtype=np.float32), np.zeros((h, w), dtype=np.intp)
    spacing = 92
    rows = h // spacing + 5
    for number in range(rows):
        swell = rng.uniform(210, 330)
        lift = rng.uniform(45, 85)
        crest = np.abs(np.sin(np.pi * (x / swell + rng.random()))) ** 0.75 * lift
        crest += 16 * np.sin(x / rng.uniform(90, 140) + rng.uniform(0, 6)) + (number - 2) * spacing
        below = y - crest
        covered = below > 0
        depth[covered], row[covered] = below[covered], number

    # Lines are further apart away from the crest, as a carver would space them.
    carved = depth**0.85 / 8
    phase = np.abs(carved - np.floor(carved) - 0.5) * 2
    gouge = value_noise(rng, w, h, 120, 60)
    weight = 0.34 + 0.75 * (gouge - 0.5) + 0.4 * np.exp(-(((depth - 34) / 26) ** 2))
    rough = 0.1 * (value_noise(rng, w, h, 5) - 0.5) + 0.08 * (value_noise(rng, w, h, 40, 4) - 0.5)
    foam = smoothstep(13, 16, depth + 8 * rough)
    outline = 1 - smoothstep(3.5, 5.5, depth + 10 * rough)
    key = np.maximum(smoothstep(-0.07, 0.07, weight + rough + phase - 1) * foam, outline)

    # One block prints each colour: paper, pale and deep blue, vermilion, and the dark key block.
    grain = fbm(rng, w, h, 90, 4)
    pixels = ramp(0.5 * grain + 0.5 * value_noise(rng, w, h, 6), hex_colours("e6d6b4 f6ead0"))
    shading = smoothstep(16, 80, depth + 30 * (grain - 0.5)) * foam
    blocks = ("5f93ad 8fb9bd", "1f4f80 2f6c98", "c23a22 dd5a34", "e6d6b4 f6ead0")
    block = np.array((0, 1, 0, 3, 0, 2))[row % 6]
    for number, codes in enumerate(blocks):
        tint = ramp(value_noise(rng, w, h, 70, 5), hex_colours(codes))
        pixels = blend(pixels, tint, shading * (block == number))
    ink = ramp(value_noise(rng, w, h, 160, 8), hex_colours("0a1330 16285c 1c3a6e"))
    worn = 1 - 0.22 * smoothstep(0.45, 0.9, value_noise(rng, w, h, 110, 4))
    return blend(pixels, ink, key * worn)


def pointillism(rng: np.random.Generator, w: int, h: int) -> Array:
    """Trees along a river in dabs of all sizes, next to dabs of the complementary colours."""
    x, y = coordinates(w, h)
    shore = 0.6 * h
    clouds = swells(rng, w, h, 300)
    dawn = hex_colours("3565a8 6fa0cf a9c9dc f2d3b0 f8e6b8 f3b48e")
    scene = ramp(np.clip(1.1 * y / shore + 0.9 * (clouds - 0.5), 0, 1), dawn)
    foliage = hex_colours("1c1b42 2a3a6c 2d5f62 5f8a50 b3ae5c f0d68e")
    # The crowns are painted from far to near, each lit from the upper left.
    leaves = fbm(rng, w, h, 90, 3) - 0.5
    for nearness in np.sort(rng.random(26)):
        size = 60 + 110 * nearness
        centre_x, centre_y = rng.uniform(0, w), shore - size * rng.uniform(0.7, 2.6)
        to_x, to_y = (x - centre_x) / size, (y - centre_y) / (size * 1.35)
        crown = np.hypot(to_x, to_y) + 0.9 * leaves
        light = 0.5 - 0.42 * (to_x + to_y) + 0.9 * leaves + rng.uniform(-0.1, 0.1)
        trunk = (np.abs(x - centre_x) < 0.09 * size) & (y > centre_y) & (y < shore)
        scene = blend(scene, hex_colours("3a2350"), 0.9 * trunk)
        scene = blend(scene, ramp(np.clip(light, 0, 1), foliage), smoothstep(1, 0.9, crown))
    ripple = 26 * (value_noise(rng, w, h, 150, 16) - 0.5)
    mirrored = sample(scene, x + 3 * ripple, 2 * shore - y + 2 * ripple)
    water = mirrored * (0.78, 0.86, 1.0) + (4, 10, 26)
    glitter = smoothstep(0.6, 0.8, value_noise(rng, w, h, 150, 16))
    water = blend(water, hex_colours("fbdc9c"), 0.5 * glitter)
    scene = blend(scene, water, y > shore)
    bank = y - h * (0.84 - 0.08 * np.sin(x / w * 5)) + 60 * leaves
    meadow = hex_colours("2b2656 2f566e 4f8262 9fa75a e6c873 e89f68 c96a5c")
    grass = ramp(equalise(fbm(rng, w, h, 170, 3)), meadow)
    scene = blend(scene, grass, smoothstep(0, 12, bank))

    canvas = Impasto(scene * 0.5 + (40, 30, 44))
    # Radius of the dots, spacing of the grid, share of complementary dots, how far hues stray.
    layers = ((20, 24, 0, 10), (15, 18, 0.05, 13), (11, 15, 0.12, 16), (8, 22, 0.3, 22))
    for radius, spacing, complementary, stray in layers:
        centres = jittered_grid(rng, w, h, spacing)
        count = len(centres)
        colours = sample(scene, centres[:, 0], centres[:, 1])
        grey = colours.mean(axis=1, keepdims=True)
        flip = np.where(rng.random((count, 1)) < complementary, -0.65, 1.08)
        hue = rng.normal(0, stray, (count, 3))
        hue -= hue.mean(axis=1, keepdims=True)
        colours = grey + (colours - grey) * flip + hue + rng.normal(0, 11, (count, 1))
        for centre, rgb in zip(centres, colours, strict=True):
            size = radius * rng.uniform(0.85, 1.1)
            outline = ellipse(centre, 1.15 * size, 0.88 * size, rng.uniform(-0.6, 0.6))
            canvas.draw(outline, rgb, rng.uniform(90, 220))
    return canvas.lit(0.016, 2.2)


def mosaic(rng: np.random.Generator, w: int, h: int) -> Array:
    """Hand-cut tesserae in rows that follow winding bands of gold, turquoise and terracotta.

    The tiles are a Voronoi diagram. Distances are measured by a square that is turned in the
    direction of each tile. Every tile moves to the centre of its region some times, which settles
    the tiles into rows.
    """
    tile = 27.0
    bands = swells(rng, w, h, 430)
    down, right = np.gradient(bands)
    seeds = jittered_grid(rng, w, h, tile)
    x, y = coordinates(w, h)
    # The tiles settle on a coarse raster, which is much faster; the last cut alone is fine.
    for step in (*(3,) * 22, 1):
        angle = np.arctan2(sample(down, *seeds.T), sample(right, *seeds.T))
        raster_x, raster_y = x[::step, ::step], y[::step, ::step]
        owner, _, nearest, second = tessellate(seeds, 1.5 * tile, raster_x, raster_y, angle)
        if step > 1:
            number = owner.ravel()
            tally = np.maximum(np.bincount(number, minlength=len(seeds)), 1)
            for axis, position in enumerate((raster_x, raster_y)):
                seeds[:, axis] = np.bincount(number, position.ravel(), len(seeds)) / tally

    count = len(seeds)
    level = sample(bands, *seeds.T) * 8.99
    palette = hex_colours("10205e 8fd8cc 7c2c1c e8b53a 1c3f94 1f9aa6 c9652f f0e2bf 10205e")
    base = palette[level.astype(int)]
    # A band that is wide enough has a row of dark tiles along its edge, then a row of pale ones.
    band_width = 1 / (9 * np.hypot(sample(down, *seeds.T), sample(right, *seeds.T)) + 1e-6)
    row = np.where(band_width > 3 * tile, level % 1 * band_width / tile, np.inf)
    base = np.where((row < 1)[:, None], hex_colours("1a1420"), base)
    base = np.where((np.abs(row - 1.5) < 0.5)[:, None], hex_colours("f3e6c2"), base)
    neighbour = palette[rng.integers(0, 9, count)]
    base = blend(base, neighbour, np.where(rng.random(count) < 0.12, 0.6, 0.06))
    base *= rng.normal(1, 0.17, (count, 1))
    base += rng.normal(0, 7, (count, 3))

    lean, centre = rng.normal(0, 0.011, seeds.shape)[owner], seeds[owner]
    slant = lean[..., 0] * (x - centre[..., 0]) + lean[..., 1] * (y - centre[..., 1])
    facing = 1 + np.clip(slant, -0.3, 0.3).astype(np.float32)
    gap = second - nearest + 2.2 * (value_noise(rng, w, h, 8) - 0.5)
    slab = smoothstep(1.5, 8, gap) * 7 + 1.6 * fbm(rng, w, h, 14, 2)
    stone = base.astype(np.float32)[owner] * facing[..., None]
    grout = ramp(fbm(rng, w, h, 60, 4), hex_colours("2a231f 5a4d42"))
    pixels = blend(grout, stone, smoothstep(2.2, 4.8, gap))
    return pixels * relief(slab, 0.5)[..., None]


def ink_marbling(rng: np.random.Generator, w: int, h: int) -> Array:
    """Ebru: ink dropped on water, drawn with a rake and stirred.

    A drop of radius r at c pushes older ink from p to c + (p - c) * sqrt(1 + r^2 / |p - c|^2),
    which keeps areas. Every pixel is traced back through all steps, the latest first, until it lies
    inside the drop that coloured it.
    """
    x, y = coordinates(w, h)
    x = x + 120 * (fbm(rng, w, h, 500, 2) - 0.5)
    y = y + 120 * (fbm(rng, w, h, 500, 2) - 0.5)
    for _ in range(7):
        centre = rng.uniform((0, 0), (w, h))
        curl = rng.choice((-2.6, 2.6)) * np.exp(-np.hypot(x - centre[0], y - centre[1]) / 110)
        x, y = spin(x, y, centre, curl.astype(np.float32))
    # One rake is drawn up, one down between the tracks of the first, and a coarse one across.
    for teeth, offset, pull in ((190, 0, -120), (190, 95, 120)):
        x_to_tooth = np.abs((x + offset) % teeth - teeth / 2)
        y = y + pull * 0.955**x_to_tooth
    y_to_tooth = np.abs(y % 330 - 165)
    x = x + 110 * 0.97**y_to_tooth

    inks = hex_colours("0d1424 f3e9d2 1d3f73 c8452c f0e2c0 12605f e0a53a 2a1626 9fc3bf 7c1f2b")
    drops = []
    # Drops fall in several rounds, so that no part of the water stays empty.
    for reach, spacing in ((130, 170), (70, 150), (60, 190)):
        for centre in jittered_grid(rng, w, h, spacing, margin=300):
            first = rng.integers(len(inks))
            for ring in range(int(rng.integers(2, 5))):
                drops.append((*centre, rng.uniform(0.5, 1) * reach, (first + ring) % len(inks)))
    # Every pixel is traced twice, because stretched ink gets thinner than a pixel.
    shifts = (-0.25, 0.25)
    colours = np.zeros((h * w, 3), dtype=np.float32)
    diagonal_x, diagonal_y = (np.add(*np.gradient(field)) for field in (x, y))
    for shift in shifts:
        px, py = (x + shift * diagonal_x).ravel(), (y + shift * diagonal_y).ravel()
        alive = np.arange(px.size)
        for drop_x, drop_y, radius, colour in reversed(drops):
            to_x, to_y = px - np.float32(drop_x), py - np.float32(drop_y)
            share = np.float32(radius**2) / np.maximum(to_x**2 + to_y**2, 1e-6)
            inside, outside = share >= 1, share < 1
            # Pigment is dense at the rim of a drop, and thin in the middle.
            strength = 0.88 + 0.16 / share[inside]
            colours[alive[inside]] += 250 - (250 - inks[colour]) * strength[:, None]
            shrink = np.sqrt(1 - share[outside])
            px = np.float32(drop_x) + to_x[outside] * shrink
            py = np.float32(drop_y) + to_y[outside] * shrink
            alive = alive[outside]
        colours[alive] += inks[0]
    water = 1 + 0.18 * (fbm(rng, w, h, 60, 4) - 0.5)
    fibres = relief(value_noise(rng, w, h, 9) + value_noise(rng, w, h, 5), 0.12)
    return colours.reshape(h, w, 3) / len(shifts) * (water * fibres)[..., None]


def cubist_facets(rng: np.random.Generator, w: int, h: int) -> Array:
    """Translucent, shaded facets in ochre, umber, slate, green and rose, with charcoal contours."""
    x, y = coordinates(w, h)
    earth = hex_colours("1c1512 4a3320 8a6434 c79a55 ecd6a2 f7edd6")
    cool = hex_colours("11171c 2e3d48 566f78 93a8a4 d3d9c8 f4f0e0")
    accents = hex_colours("3f5a3c 7d9463 b06a5c d9a08e 9c3f2c 2c4a66")
    pixels = ramp(fbm(rng, w, h, 220, 4), earth)
    dabs = fbm(rng, 1024, 1024, 36, 3)
    climate = equalise(fbm(rng, w, h, 420, 2))
    axes = np.radians((4, 90, 38, -38, 64, -64))
    for size in np.geomspace(430, 84, 380):
        centre = rng.uniform((0, 0), (w, h))
        first, second = rng.choice(axes, 2, replace=False) + rng.normal(0, 0.05, 2)
        side = unit(first) * size * rng.uniform(0.6, 1.4)
        other = unit(second) * size * rng.uniform(0.4, 1.1)
        outline = parallelogram(centre, side, other)
        kind = rng.random()
        if kind < 0.35:
            outline = np.delete(outline, rng.integers(4), axis=0)
        elif kind < 0.5:
            arc = first + np.linspace(0, rng.uniform(1.6, 3.6), 24)
            outline = centre + unit(arc) * size / 2
        left, top = np.clip(outline.min(axis=0).astype(int) - 6, 0, (w - 1, h - 1))
        right, bottom = np.clip(outline.max(axis=0).astype(int) + 7, (left + 1, top + 1), (w, h))
        box = (slice(top, bottom), slice(left, right))
        corners = [tuple(corner) for corner in (outline - (left, top)).tolist()]
        mask = Image.new("L", (int(right - left), int(bottom - top)))
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        inside = np.asarray(mask, dtype=np.float32) / 255

        # The facet is dense along one edge, and fades out towards the opposite side ("passage").
        normal = first + np.pi / 2 * rng.choice((-1, 1))
        along = (x[box] - centre[0]) * np.cos(normal) + (y[box] - centre[1]) * np.sin(normal)
        fade = np.clip(0.5 + along / size, 0, 1)
        brush_x, brush_y = spin(x[box], y[box], centre, -first)
        brushed = sample(dabs, brush_x % 1023, brush_y * 3 % 1023)
        tone = rng.uniform(0, 1) + rng.choice((-1, 1)) * 0.6 * (fade - 0.5)
        tone = np.clip(tone + 0.5 * (brushed - 0.5), 0, 1)
        palette = cool if rng.random() < climate[int(centre[1]), int(centre[0])] else earth
        paint = ramp(tone, palette)
        if rng.random() < 0.2:
            accent = accents[rng.integers(len(accents))] * (0.6 + 0.7 * tone[..., None])
            paint = 0.35 * paint + 0.65 * accent
        opacity = inside * np.clip(0.15 + 0.95 * fade + 0.5 * (brushed - 0.5), 0, 0.95)
        pixels[box] = blend(pixels[box], paint, opacity)

        contour = Image.new("L", mask.size)
        pen = ImageDraw.Draw(contour)
        closed = [*corners, corners[0]]
        drawn = len(closed) if 0.35 < kind < 0.5 else int(rng.integers(2, 4))
        thick = int(3 + size / 45 * rng.random())
        pen.line(closed[:drawn], fill=255, width=thick, joint="curve")
        charcoal = np.asarray(contour, dtype=np.float32) / 255
        charcoal = charcoal * np.clip(0.2 + 1.3 * brushed, 0, 0.92)
        pixels[box] = blend(pixels[box], (20, 15, 14), charcoal)
    canvas_weave = relief(value_noise(rng, w, h, 5, 9) + value_noise(rng, w, h, 9, 5), 0.14)
    return pixels * canvas_weave[..., None]


def gilded_spirals(rng: np.random.Generator, w: int, h: int) -> Array:
    """Gold leaf with coils, pinwheels and rings in enamel, packed over a robe of small plaques."""
    gold = hex_colours("4a260c 94601a c88e22 edbf4c fdeaa8")
    enamel = hex_colours("14100f f3e8cc 203c86 1f6a56 bf3c22 6a3d78 d98f84 2a1a14 3f8fa0")
    canvas = Impasto(ramp(0.2 + 0.6 * equalise(fbm(rng, w, h, 120, 5)), gold))
    angle = flow_angle(rng, w, h, 420)
    for centre in jittered_grid(rng, w, h, 27):
        turn = sample(angle, *centre) + rng.normal(0, 0.08)
        along = unit(turn) * rng.uniform(20, 46)
        across = unit(turn + np.pi / 2) * rng.uniform(10, 22)
        rgb = enamel[rng.integers(9)] if rng.random() < 0.4 else ramp(rng.uniform(0.35, 1), gold)
        canvas.draw(parallelogram(centre, along * 1.15, across * 1.3), enamel[7], 30)
        canvas.draw(parallelogram(centre, along, across), rgb, rng.uniform(80, 170))

    # The largest circles come first; a smaller one is placed where it touches no other.
    placed = np.empty((0, 3))
    for size in (100, 78, 58, 42, 28, 19):
        for centre in jittered_grid(rng, w, h, size * 0.9, margin=size):
            radius = size * rng.uniform(0.8, 1.1)
            room = np.hypot(*(placed[:, :2] - centre).T) - placed[:, 2]
            if (room > 0.95 * radius).all() and rng.random() < 0.75:
                placed = np.vstack([placed, (*centre, radius)])
    for centre_x, centre_y, radius in placed:
        centre = np.array((centre_x, centre_y))
        colours = enamel[rng.permutation(len(enamel))]
        bright, deep = ramp(rng.uniform(0.65, 1), gold), ramp(rng.uniform(0, 0.2), gold)
        canvas.draw(ellipse(centre, radius, radius), enamel[7], 40)
        canvas.draw(ellipse(centre, radius * 0.94, radius * 0.94), deep, 90)
        kind = rng.random()
        if kind < 0.7 and radius > 22:
            pairs = ((deep, bright), (ramp(0.7, gold), enamel[7]), (colours[0] * 0.8, bright))
            field, coil = pairs[rng.integers(3)]
            canvas.draw(ellipse(centre, radius * 0.94, radius * 0.94), field, 90)
            turns = 1.4 + radius / 50
            way = np.linspace(0, 1, int(2 * radius * turns))
            track = unit(rng.uniform(0, 6) + rng.choice((-6.3, 6.3)) * turns * way)
            track = centre + track * (0.84 * radius * (1 - way**0.9))[:, None]
            for point, t in zip(track, way, strict=True):
                pen = radius * (0.24 - 0.1 * t) / turns
                canvas.draw(ellipse(point, pen, pen), coil, 220)
        elif kind < 0.85 and 22 < radius < 75:
            sectors = 2 * int(rng.integers(5, 9))
            rays = unit(np.arange(sectors + 1) * 2 * np.pi / sectors + rng.random()) * radius
            for number in range(sectors):
                wedge = centre + np.stack([0 * rays[0], rays[number], rays[number + 1]]) * 0.88
                canvas.draw(wedge, (colours[0], bright)[number % 2], 100 + 60 * (number % 2))
            for share, rgb in ((0.52, enamel[7]), (0.46, colours[1]), (0.22, bright)):
                canvas.draw(ellipse(centre, radius * share, radius * share), rgb, 220 - 150 * share)
        else:
            # The rings lean to one side, as in an agate.
            lean = unit(rng.uniform(0, 6)) * radius * 0.2
            shares = np.linspace(0.84, 0.14, 3 + int(radius / 16))
            for number, share in enumerate(shares):
                rgb = bright if number % 2 else colours[number // 2 % 2]
                outline = ellipse(centre + lean * (1 - share), radius * share, radius * share)
                canvas.draw(outline, rgb, 230 - 150 * share)
    brushed = 1 + 0.35 * (fbm(rng, w, h, 26, 3) - 0.5)
    return canvas.lit(0.016, 2.0) * brushed[..., None]


PAINTERS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "flow_strokes": flow_strokes,
    "stained_glass": stained_glass,
    "woodcut_waves": woodcut_waves,
    "pointillism": pointillism,
    "mosaic": mosaic,
    "ink_marbling": ink_marbling,
    "cubist_facets": cubist_facets,
    "gilded_spirals": gilded_spirals,
}
SEEDS = {name: 11 + number for number, name in enumerate(PAINTERS)}


def paint(name: str) -> Image.Image:
    """Return the painting of this name, of `WIDTH` by `HEIGHT` pixels."""
    rng = np.random.default_rng(SEEDS[name])
    pixels = PAINTERS[name](rng, WIDTH * OVERSAMPLE, HEIGHT * OVERSAMPLE)
    canvas = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def save(picture: Image.Image, path: Path) -> None:
    """Write a JPEG without metadata, in the best quality that fits into `MAX_BYTES`."""
    for quality in JPEG_QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= MAX_BYTES:
            break
    path.write_bytes(buffer.getvalue())


def main(argv: Sequence[str] | None = None) -> None:
    """Paint the paintings that the command line names, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PAINTERS)}")
    names = parser.parse_args(argv).names or list(PAINTERS)
    unknown = sorted(set(names) - set(PAINTERS))
    if unknown:
        parser.error(f"no such picture: {', '.join(unknown)}")
    OUTPUT_DIR.mkdir(parents=True, exist_ok=True)
    for name in names:
        save(paint(name), OUTPUT_DIR / f"{name}.jpg")


if __name__ == "__main__":
    main()
