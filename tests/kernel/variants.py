# SPDX-License-Identifier: GPL-2.0-or-later
"""The policies the traffic tests run under, and what differs between them."""
from typing import NamedTuple

from netns import Family
from packets import PROHIBITED


class Variant(NamedTuple):
    policy: str                    # the file in policies/, and the name in results
    mode: str                      # full, selective or none
    replies: str = "socket"        # how replies are recognised where nothing tracks
    refusal: str = "prohibited"    # what the default does: prohibited, reset (TCP) or silent
    output: str = "accept"         # the default of output

    def refused_with(self, family: Family, protocol: str) -> set[str]:
        """What a packet that opens something is answered with when the default refuses it."""
        if self.refusal == "silent":
            return set()
        if self.refusal == "reset" and protocol == "tcp":
            return {"rst"}
        return {PROHIBITED[family.name]}

    def has_ftp(self) -> bool:
        return self.mode != "none"


VARIANTS = (
    Variant("full", "full"),
    Variant("selective", "selective"),
    Variant("none", "none"),
    Variant("selective-portable", "selective", replies="portable"),
    Variant("none-portable", "none", replies="portable"),
    Variant("none-blocked", "none"),
    Variant("full-strict", "full", refusal="silent", output="drop"),
    Variant("selective-strict", "selective", refusal="reset", output="drop"),
    Variant("none-strict", "none", output="reject"),
)
