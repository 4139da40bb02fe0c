"""Names of code as words (docs/model.md, section 4): what `text.split_identifiers` does to a text before it is tokenised."""
import re

BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z][a-z])")


def split_identifiers(text: str) -> str:
    """`parse_HTTPHeader` is "parse HTTP Header", `base64Encode` "base64 Encode"; "PDFs" and "3D" stay."""
    return BOUNDARY.sub(" ", text.replace("_", " "))
