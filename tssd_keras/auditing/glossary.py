"""The words of the method, each explained once: for docs/glossary.md and for the audit's page.

python -m tssd_keras.auditing.glossary > docs/glossary.md
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word and what it means.

    Attributes:
        name: the word, as the page and the docs write it.
        meaning: a sentence or two of plain text.
    """

    name: str
    meaning: str

    @property
    def anchor(self) -> str:
        """Where the page explains it: term-NAME in small letters and hyphens."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


GLOSSARY: dict[str, tuple[Term, ...]] = {
    "Samples and labels": (
        Term("given label", "The label that a sample comes with. It may be wrong."),
        Term(
            "true label",
            "The label that is right. Training sees it only for golden and decided samples; "
            "elsewhere, where it is known, it measures the result.",
        ),
        Term(
            "suggested label",
            "The class that is most probable for the sample. It can be the given one.",
        ),
        Term("noisy stream", "The training samples that are neither golden nor held out."),
        Term(
            "golden",
            "A golden sample has a label that is known to be right. It is not judged; it teaches "
            "the meta classifier.",
        ),
        Term(
            "decided",
            "A person has said which label of a decided sample is right. The next run trains on "
            "it at weight 1, or takes it as golden.",
        ),
        Term(
            "unusable",
            "A person has said that no class fits a sample, or that it cannot be told. The next "
            "run leaves it out: it is neither trained on nor golden.",
        ),
        Term(
            "not sure",
            "A person has looked at a sample and did not decide. It counts as no decision.",
        ),
    ),
    "How a label is judged": (
        Term(
            "warm-up",
            "The first epochs. They train on every label, but for a few held back, and judge none.",
        ),
        Term(
            "round",
            "One judgement of the noisy stream: score, divide, purify. After the warm-up there is "
            "one before each epoch, or before every few.",
        ),
        Term(
            "stream",
            "One of two ways to judge a label; each gives a probability that it is "
            "right. The loss stream looks at the sample's loss, the feature stream at its "
            "place in feature space: at the labels of its neighbours.",
        ),
        Term(
            "neighbours",
            "The samples whose features are most alike: by what the network has learned, and by "
            "what was there before training. A label that few of the neighbours have is suspect. "
            "A sample is left out of its own neighbours.",
        ),
        Term(
            "bimodal",
            "Scores are bimodal if they form two heaps: one of right labels, one of wrong ones.",
        ),
        Term(
            "unimodal",
            "Scores are unimodal if they form one heap. They cannot tell right labels from wrong "
            "ones.",
        ),
        Term(
            "abstain",
            "A stream abstains where it has nothing to say: the loss stream where all losses "
            "form one heap, the feature stream in classes whose labels the neighbours do not tell "
            "apart. The other stream then decides alone; if both abstain, the sample is uncertain.",
        ),
        Term(
            "nothing to tell",
            "Every stream abstains, or golden samples show that q says nothing. Then nobody is "
            "judged, every label counts, and no share of wrong labels is named. Without golden "
            "samples labels can be judged and their share not be told all the same.",
        ),
        Term(
            "certain",
            "Both streams are sure and agree that the label is right (role positive) or wrong "
            "(role negative).",
        ),
        Term(
            "uncertain",
            "The streams disagree, or are not sure enough. The meta classifier settles these "
            "samples.",
        ),
        Term(
            "meta classifier",
            "A small model that has learned how right and wrong labels look: from golden samples, "
            "or without any from the certain ones.",
        ),
        Term(
            "q",
            "The probability that the given label is right, by the meta classifier. It is "
            "calibrated: of labels with q 0.8 about four in five should be right. Without golden "
            "samples neighbours and network decide, and q ranks labels but is not calibrated.",
        ),
        Term(
            "reach",
            "Which samples q decides on: the uncertain ones alone, or all. With all, a certain "
            "sample becomes uncertain where q denies what the streams say.",
        ),
        Term(
            "mined",
            "An uncertain sample is mined if q is high enough. It carries the weight q.",
        ),
        Term("semi-hard", "The role of a mined sample."),
        Term(
            "floor",
            "Each class keeps at least its best few samples, and half as many as right labels of "
            "it are expected. One that is kept for this reason alone has the role floor.",
        ),
    ),
    "What comes of it": (
        Term(
            "role",
            "What the last round made of a sample: positive, negative, uncertain, semi-hard or "
            "floor. A sample that a person decided on has the role decided.",
        ),
        Term(
            "weight",
            "What a round made the sample count for: 1, q if it was mined, or 0 if it is rejected.",
        ),
        Term(
            "kept",
            "A kept sample carries weight. The others are rejected. The stratum kept is narrower: "
            "all judged samples that are no suspects.",
        ),
        Term(
            "rejected",
            "A rejected sample is judged and not kept. It counts by q until the network "
            "begins to fit wrong labels, and for nothing after that. MixMatch learns from it "
            "without its label.",
        ),
        Term(
            "held back",
            "Some samples, drawn at random, are not trained on before they are judged. What the "
            "network says of their labels shows whether it fits the wrong ones of the others.",
        ),
        Term(
            "suspect",
            "A judged sample that is not kept, or for which another class is suggested.",
        ),
        Term(
            "probably wrong",
            "The probability that the given label is wrong: 1 - q; without q, 1 minus the mean of "
            "both streams. It ranks the suspects.",
        ),
        Term(
            "estimated noise",
            "The share of wrong labels that golden samples drawn at random tell, and its standard "
            "error. Without them it is the model's own opinion. People and models mistake the same "
            "samples, so that it is then a lower bound where people labelled.",
        ),
        Term(
            "transition matrix",
            "How often a sample of a true class (row) is given a label (column). It is estimated "
            "for the whole noisy stream.",
        ),
        Term(
            "precision, recall",
            "Of the kept samples the share whose label is right; of the right labels the share "
            "that is kept. Known where the truth is.",
        ),
        Term(
            "label-error AUROC",
            "How well the probabilities tell right labels from wrong ones, where the truth is "
            "known: 1 is perfect, 0.5 is chance.",
        ),
        Term(
            "stratum",
            "A band of ranks among the suspects, or the kept, the decided, the unjudged. Decisions "
            "on suspects are no fair sample of the data; the strata let you weigh them.",
        ),
    ),
}

INTRODUCTION = """\
# Glossary

The words of the method, of the documentation and of the audit's page, which shows the same list.
[method.md](method.md) has the formulas and the reasons.

Made by `python -m tssd_keras.auditing.glossary > docs/glossary.md`; change the words there.
"""


def as_markdown() -> str:
    """The text of docs/glossary.md."""
    parts = [INTRODUCTION]
    for title, terms in GLOSSARY.items():
        lines = "".join(f"- **{term.name}**: {term.meaning}\n" for term in terms)
        parts.append(f"## {title}\n\n{lines}")
    return "\n".join(parts)


def as_html() -> str:
    """The list of the page: a heading and a <dl> a group, everything escaped."""
    parts = []
    for title, terms in GLOSSARY.items():
        rows = "".join(
            f'<dt id="{term.anchor}">{html.escape(term.name)}</dt>'
            f"<dd>{html.escape(term.meaning)}</dd>\n"
            for term in terms
        )
        parts.append(f'<h3>{html.escape(title)}</h3>\n<dl class="words">\n{rows}</dl>\n')
    return "".join(parts)


if __name__ == "__main__":
    print(as_markdown(), end="")
