"""Types of single values in the YAML format, each with its JSON Schema and its error text."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import Discriminator, Field, StringConstraints
from pydantic.functional_validators import AfterValidator, PlainValidator
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

# Ends of a range: what float32 holds, rounded down.
MOST = 3e38
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
DOTTED_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$"
NOT_BLANK = r"\S"
HAS_WORD = r"\w"


def by_key(*keys: str) -> Discriminator:
    """Tells models apart by the first of ``keys`` that a mapping has; its tag is ``<key>``."""

    def tag(value: object) -> str | None:
        names = value if isinstance(value, dict) else ()
        return next((f"<{key}>" for key in keys if key in names), None)

    return Discriminator(tag)


# What a string that misses a pattern should have been.
PATTERNS = {
    SLUG: "lower-case words joined by hyphens, such as no-time",
    IDENTIFIER: "a Python identifier",
    DOTTED_NAME: "the name of a parameter: identifiers with dots between them, of which the first "
    "is no number, as those of nn.Sequential are",
    NOT_BLANK: "text",
    HAS_WORD: "text with at least one word",
}

Slug = Annotated[str, Field(pattern=SLUG)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
DottedName = Annotated[str, Field(pattern=DOTTED_NAME)]
Text = Annotated[str, StringConstraints(pattern=NOT_BLANK, strip_whitespace=True)]
Phrases = Annotated[
    list[Annotated[str, Field(pattern=HAS_WORD)]],
    AfterValidator(tuple),
    Field(validate_default=True),
]
Positive = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


def unexpected(expected: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("unexpected", "{expected}", {"expected": expected, "remedy": remedy})


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise unexpected("a finite number", "Write digits, such as 3 or 1e-5, without quotes.")
    return value


def _true(value: object) -> bool:
    # Literal[True] would let 1 pass.
    if value is not True:
        raise unexpected("true", "Write true without quotes.")
    return True


def _skill(value: object) -> bool | str:
    if value is not True and value is not False and value != "placebo":
        raise unexpected("true, false or placebo", "Write true without quotes if it was read.")
    return value


def _increasing(bounds: list[int | float]) -> list[int | float]:
    if len(bounds) != 2 or not bounds[0] < bounds[1]:
        raise unexpected("[low, high] with low below high", "Give the smaller number first.")
    if max(map(abs, bounds)) > MOST:
        raise unexpected(f"numbers of at most {MOST:g}", "float32 holds no more; narrow it.")
    return bounds


def _one_type(values: list[int | float]) -> list[int | float]:
    if len({type(value) for value in values}) > 1:
        raise unexpected(
            "numbers of one type", "Write 1.0 instead of 1 where the others are fractions."
        )
    return values


def _shape(value: object) -> list[str | int] | None:
    """``None`` for ``any``, the model's word for it."""
    if value == "any":
        return None
    if isinstance(value, list) and all(map(_is_dimension, value)):
        return value
    raise unexpected(
        "any, or a list of dimension names and sizes",
        "Write any, [] for a 0-d tensor, or for example [n, 3].",
    )


def _is_dimension(item: object) -> bool:
    if isinstance(item, str):
        return re.fullmatch(IDENTIFIER, item) is not None
    return isinstance(item, int) and not isinstance(item, bool) and item >= 0


SkillRead = Annotated[
    Any, PlainValidator(_skill), WithJsonSchema({"enum": [True, False, "placebo"]})
]
TrueOnly = Annotated[bool, PlainValidator(_true), WithJsonSchema({"const": True})]
Number = Annotated[Any, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Range = Annotated[
    list[Number],
    AfterValidator(_increasing),
    Field(json_schema_extra={"minItems": 2, "maxItems": 2}),
]
Bounds = Annotated[
    list[Annotated[int, Field(ge=1)]],
    AfterValidator(_increasing),
    Field(json_schema_extra={"minItems": 2, "maxItems": 2}),
]
Calls = Annotated[
    list[Annotated[int, Field(ge=1, le=200)]],
    AfterValidator(_increasing),
    Field(json_schema_extra={"minItems": 2, "maxItems": 2}),
]
ItemCounts = Annotated[
    list[Annotated[int, Field(ge=0, le=1000)]],
    AfterValidator(_increasing),
    Field(json_schema_extra={"minItems": 2, "maxItems": 2}),
]
Numbers = Annotated[list[Number], Field(min_length=1), AfterValidator(_one_type)]
Shape = Annotated[
    Any,
    PlainValidator(_shape),
    WithJsonSchema(
        {
            "oneOf": [
                {"const": "any"},
                {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {"type": "string", "pattern": IDENTIFIER},
                            {"type": "integer", "minimum": 0},
                        ]
                    },
                },
            ]
        }
    ),
]
