"""The figures of a search for similar paintings, as a module of `evaluate`."""

from collections.abc import Sequence

import datasets
import evaluate

from artextract_hf.errors import DataError
from artextract_hf.evaluation.retrieval import DEPTHS, score_rankings, self_retrieval

DESCRIPTION = """\
Figures of a search for similar paintings: precision and recall at 1, 5 and 10, mean average precision, mean reciprocal
rank, and nDCG at 10 with gain 1 for a relevant painting. What shows the query's own work never counts, neither as an
answer nor as something that could have been found: the query itself, copies of its file, near-duplicates. Whether a
query finds itself is a check that the search works, not a figure of quality; it stands apart, as sanity_self_retrieval.
"""
INPUTS = """\
Args:
    predictions: for each query the names of what was found, best first; a name counts where it first stands.
    references: for each query the names of all that are relevant.
    queries: the name of each query. It never counts as an answer.
    left_out: for each query the names of copies of its file and of near-duplicates; an empty list where there are none.

Returns:
    p@1, p@5, p@10: share of relevant ones among the first k answers, after those left out are gone.
    r@1, r@5, r@10: share of all relevant ones that are among the first k.
    map: mean average precision. What was not found counts as 0.
    mrr: mean of one over the rank of the first relevant answer, 0 where there is none.
    ndcg@10: normalised discounted cumulative gain.
    queries: how many have anything to find; the others are not scored. Where there are none, all figures are None.
    sanity_self_retrieval: share of the queries whose first answer, with nothing left out, is the query itself; None
        where none of them is among its answers.
"""
CITATION = """\
@article{jarvelin2002cumulated,
  title = {Cumulated Gain-Based Evaluation of {IR} Techniques},
  author = {J{\\"a}rvelin, Kalervo and Kek{\\"a}l{\\"a}inen, Jaana},
  journal = {ACM Transactions on Information Systems},
  volume = {20}, number = {4}, year = {2002}
}
"""
FIGURES = (*(f"{kind}@{k}" for kind in "pr" for k in DEPTHS), "map", "mrr", "ndcg@10")


class PaintingRetrieval(evaluate.Metric):
    """Precision and recall at k, mean average precision, mean reciprocal rank and nDCG."""

    example = {
        "predictions": [["a", "a_copy", "b", "c"], ["b", "c", "a"]],
        "references": [["a", "b"], ["c"]],
        "queries": ["a", "b"],
        "left_out": [["a_copy"], []],
    }

    def _info(self) -> evaluate.MetricInfo:
        name, names = datasets.Value("string"), datasets.Sequence(datasets.Value("string"))
        columns = {"predictions": names, "references": names, "queries": name, "left_out": names}
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            inputs_description=INPUTS,
            citation=CITATION,
            features=datasets.Features(columns),
        )

    def _compute(
        self,
        predictions: Sequence[list[str]],
        references: Sequence[list[str]],
        queries: Sequence[str],
        left_out: Sequence[list[str]],
    ) -> dict[str, float | None]:
        if None in (*predictions, *references, *left_out):
            raise DataError("a query has None in place of a list of names; give an empty list where there are none.")
        never = [[query, *others] for query, others in zip(queries, left_out, strict=True)]
        scores = score_rankings(predictions, references, never)
        figures = scores.by_name() if scores else dict.fromkeys(FIGURES) | {"queries": 0}
        return figures | {"sanity_self_retrieval": self_retrieval(queries, predictions)}
