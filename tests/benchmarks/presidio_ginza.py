"""Presidio with GiNZA as a peer to be measured beside ours; runs in an environment of its own.

    python tests/benchmarks/presidio_ginza.py stock|mapped < questions > answers

One JSON object a line: ``{"id", "text"}`` in, ``{"id", "spans": [{"start", "end", "type", "score"}], "cpu"}``
out, ``cpu`` in seconds. "stock" is Presidio as it comes, with the model its documentation names for Japanese;
"mapped" tells it by hand what GiNZA calls persons and places. Imports nothing of this project: GiNZA asks for
an older SudachiPy than ours.
"""

import json
import sys
import time
from typing import Any

_PLACES = (
    "Country", "Province", "City", "County", "GPE_Other", "Postal_Address", "Region_Other", "Location_Other",
    "Domestic_Region", "Facility_Other", "Station", "Park",
)  # fmt: skip


def engine(mapped: bool) -> Any:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    told: dict[str, Any] = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "ja", "model_name": "ja_ginza"}],
    }
    if mapped:
        names = {"Person": "PERSON", "Name_Other": "PERSON"} | dict.fromkeys(_PLACES, "LOCATION")
        told["ner_model_configuration"] = {"model_to_presidio_entity_mapping": names}
    nlp = NlpEngineProvider(nlp_configuration=told).create_engine()
    return AnalyzerEngine(nlp_engine=nlp, supported_languages=["ja"])


def main() -> None:
    analyzer = engine(mapped=sys.argv[1] == "mapped")
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.process_time()
        found = analyzer.analyze(asked["text"], language="ja")
        spent = time.process_time() - began
        spans = [{"start": f.start, "end": f.end, "type": f.entity_type, "score": f.score} for f in found]
        print(json.dumps({"id": asked["id"], "spans": spans, "cpu": spent}), flush=True)


if __name__ == "__main__":
    main()
