"""What a mail asks for in its trace field: section 1 of the contract, as far as mails of this test use it."""

import base64
import binascii
import email.header
import json
import re
from typing import NamedTuple

from ranges import TRACE

FLAGS = {"1": True, "0": False, None: False}


class Asked(NamedTuple):
    tag: str
    opens: bool
    clicks: bool


def read(root):
    """None where there is no trace field, or it is not for this reader to say what it means (mutated ones)."""
    value = root.first(TRACE)
    if value is None:
        return None
    try:
        words = email.header.decode_header(value.decode("ascii").strip())
        text = re.sub(r"\s", "", str(email.header.make_header(words)))
        octets = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_")
        said = json.loads(octets)
        return Asked(said["TagName"], FLAGS[said.get("OpenTrace")], FLAGS[said.get("LinkTrace")])
    except (ValueError, LookupError, TypeError, AttributeError, binascii.Error):
        return None
