"""The tags of the run's relay.conf, each with another policy (section 2 of the contract)."""

import json
from dataclasses import dataclass

BASE = "https://track.example.test"
# By batch: the token's numbers grow by an octet at 128.
RECIPIENTS = (0, 0, 1, 127, 128, 9_999)


@dataclass(frozen=True)
class Policy:
    tag: str
    opens: str = "as-asked"
    clicks: str = "as-asked"
    tracking: str = "local"
    text_links: bool = False
    exclude: tuple = ("*.excluded.example",)
    label_is_url: str = "track"
    utm: tuple = ()
    pixel: str = "auto"
    charset: str = "utf-8"
    dkim_signed: str = "pass-through"

    @property
    def is_upstream(self):
        return self.tracking == "upstream"

    def flags(self, asked):
        """What the mail asks for, under the policy's ceiling: opens and clicks."""
        return tuple({"always": True, "never": False}.get(word, flag)
                     for word, flag in zip((self.opens, self.clicks), asked))

    def section(self):
        """Its lines of relay.conf."""
        utm = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in self.utm)
        return (f'[tag.{self.tag}]\nopens = "{self.opens}"\nclicks = "{self.clicks}"\ntracking = "{self.tracking}"\n'
                f'text-links = {str(self.text_links).lower()}\nexclude = {json.dumps(self.exclude)}\n'
                f'label-is-url = "{self.label_is_url}"\nutm = {{ {utm} }}\npixel = "{self.pixel}"\n'
                f'charset = "{self.charset}"\ndkim-signed = "{self.dkim_signed}"\n')


POLICIES = [Policy("Test"), Policy("Keep", charset="keep"), Policy("Text", text_links=True, pixel="bottom",
                                                                   dkim_signed="remove"),
            Policy("KeepText", text_links=True, charset="keep", label_is_url="leave", pixel="top"),
            Policy("Campaign", text_links=True, pixel="top", utm=(("utm_campaign", "Größe 50 % & mehr"),
                                                                  ("utm_source", "news-letter"))),
            Policy("Label", label_is_url="leave", dkim_signed="remove"), Policy("Exclude",
                                                                                exclude=("*.example.net",
                                                                                         "https://shop.example.com/4*",
                                                                                         "*//LONG.example.com/?0*",
                                                                                         "e?example.org"),
                                                                                text_links=True, opens="never"),
            Policy("Clicks", opens="never", clicks="always", utm=(("utm", "x"),)),
            Policy("Upstream", tracking="upstream"), Policy("UpstreamAlways", tracking="upstream", opens="always",
                                                            clicks="never", charset="keep", text_links=True,
                                                            pixel="top", dkim_signed="remove"),]
BY_TAG = {policy.tag: policy for policy in POLICIES}
# The default policy has half of the mails.
WEIGHTS = [10] + [1.2] * (len(POLICIES) - 1)


def recipient(batch):
    return RECIPIENTS[batch % len(RECIPIENTS)]
