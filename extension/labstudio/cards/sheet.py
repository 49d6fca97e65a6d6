"""The paper that a card is printed on: fonts, colours, page foot, and how blocks keep together."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fpdf import FPDF
from fpdf.enums import MethodReturnValue

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

Colour = tuple[int, int, int]

INK: Colour = (29, 35, 48)
SOFT: Colour = (92, 100, 117)
LINE: Colour = (223, 227, 234)
TINT: Colour = (238, 241, 245)
ACCENT: Colour = (36, 99, 180)
BAD: Colour = (163, 33, 42)
GOOD: Colour = (29, 107, 65)
WARN: Colour = (138, 82, 0)
WARN_PAPER: Colour = (255, 246, 229)
BAD_PAPER: Colour = (253, 238, 238)
GOOD_PAPER: Colour = (233, 246, 238)

FAMILY = "Card"
MONO = "CardMono"
FACES = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf", "I": "DejaVuSans-Oblique.ttf"}
# Scripts that DejaVu lacks, where the machine has a font for them.
OTHERS = (
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "wqy-microhei.ttc",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoEmoji-Regular.ttf",
)
FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
MARGIN = 18.0
REFS = 20.0
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@cache
def font_folder() -> Path:
    """Return the folder of the DejaVu fonts: matplotlib, which MLflow needs, brings them.

    Raises
    ------
    Unavailable
        When there are none.
    """
    found = find_spec("matplotlib")
    for place in (found.submodule_search_locations or []) if found else []:
        folder = Path(place) / "mpl-data/fonts/ttf"
        if (folder / FACES[""]).is_file():
            return folder
    for root in FONTS:
        for file in root.rglob(FACES[""]):
            return file.parent
    raise Unavailable("A card cannot be printed: the DejaVu fonts are missing; install matplotlib.")


@cache
def other_fonts() -> tuple[Path, ...]:
    """Return the fonts of this machine for scripts that DejaVu lacks."""
    return tuple(
        next(iter(found))
        for name in OTHERS
        if (found := [file for root in FONTS if root.is_dir() for file in root.rglob(name)])
    )


class Sheet(FPDF):
    """A4 paper with a foot on every page.

    Parameters
    ----------
    title
        Of the document; it stands in the foot too.
    mark
        What else stands in the foot.
    text
        What will be written: where the usual font lacks something of it, further ones are loaded.
    """

    def __init__(self, title: str, mark: str, text: str = "") -> None:
        super().__init__(format="A4")
        self._foot = clean(title), mark
        folder = font_folder()
        for style, file in FACES.items():
            self.add_font(FAMILY, style, folder / file)
        self.add_font(MONO, "", folder / "DejaVuSansMono.ttf")
        names = []
        known = getattr(self.fonts[FAMILY.lower()], "cmap", {})
        lacking = any(ord(each) not in known for each in set(clean(text)) if each != "\n")
        for number, path in enumerate(other_fonts() if lacking else ()):
            names.append(f"Other{number}")
            self.add_font(names[-1], "", path)
        if names:
            self.set_fallback_fonts(names, exact_match=False)
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=MARGIN + 4)
        self.set_title(clean(title))
        self.set_creator("labstudio")
        self.set_lang("en")
        self.alias_nb_pages()

    def footer(self) -> None:
        """Say on every page which card it is of, and which page."""
        self.set_y(-14)
        self.face(7, SOFT)
        title, mark = self._foot
        self.cell(self.epw * 0.75, 4, shortened(self, f"{title}  ·  {mark}", self.epw * 0.74))
        self.cell(self.epw * 0.25, 4, f"{self.page_no()} / {{nb}}", align="R")

    def face(
        self, size: float, colour: Colour = INK, style: str = "", family: str = FAMILY
    ) -> None:
        """Choose how text is written."""
        self.set_font(family, style, size)
        self.set_text_color(*colour)

    def room(self, height: float) -> None:
        """Begin a page unless so much still fits; what fits on no page begins where it is."""
        if self.will_page_break(height) and height < self.eph:
            self.add_page()

    def height_of(self, text: str, width: float, line: float) -> float:
        """Return how high text will be."""
        found = self.multi_cell(width, line, text, dry_run=True, output=MethodReturnValue.HEIGHT)
        return cast("float", found)

    def words(
        self, text: str, width: float, line: float, *, align: str = "L", link: str | int = ""
    ) -> None:
        """Write text in lines; the pen stands below it afterwards, where it began."""
        left = self.get_x()
        self.multi_cell(width, line, text, align=align, link=link, new_x="LEFT", new_y="NEXT")
        self.set_x(left)

    def rule(self, colour: Colour = LINE, width: float = 0.2) -> None:
        """Draw a line across the page."""
        self.set_draw_color(*colour)
        self.set_line_width(width)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F", round_corners=height >= 3, corner_radius=1)

    def badge(self, text: str, ink: Colour, paper: Colour) -> None:
        """Write a mark; the pen stands right of it afterwards."""
        self.face(8, ink, "B")
        width = self.get_string_width(text) + 6
        x, y = self.get_x(), self.get_y()
        self.box(x, y, width, 5.5, paper)
        self.cell(width, 5.5, text, align="C")
        self.set_x(x + width + 2)

    def refs(self, numbers: Sequence[int], links: dict[int, int], y: float) -> None:
        """Write the numbers of sources into the right margin, each a link to the list."""
        if not numbers:
            return
        page, back = self.page, self.get_y()
        self.set_y(y)
        self.face(7, ACCENT)
        told = [f"[{each}]" for each in numbers]
        x = self.w - self.r_margin
        for number, text in reversed(list(zip(numbers, told, strict=True))):
            width = self.get_string_width(text) + 0.4
            x -= width
            if x < self.w - self.r_margin - REFS:
                break
            self.set_xy(x, y)
            self.cell(width, 4.5, text, link=links[number], align="R")
        if self.page == page:
            self.set_y(back)


def clean(text: str) -> str:
    """Return text without what a page cannot show."""
    return _CONTROL.sub(" ", text).replace("\t", "    ")


def shortened(sheet: FPDF, text: str, width: float) -> str:
    """Return text cut to a width."""
    if sheet.get_string_width(text) <= width:
        return text
    while text and sheet.get_string_width(text + "…") > width:
        text = text[:-1]
    return text + "…"


def mixed(colour: Colour, part: float) -> Colour:
    """Return a colour on white, as strong as `part` says."""
    red, green, blue = (round(255 - (255 - each) * part) for each in colour)
    return red, green, blue
