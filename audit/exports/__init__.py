"""The forms in which the ledger's records leave the house, one file each. Pure: a record in, a line or a message out.

    flat        named columns, the base of CSV        csv_form    for Excel and DuckDB        jsonl_form    all of it, as JSON
    ocsf        OCSF API Activity                     cef         ArcSight CEF:0
    rfc5424     syslog, to carry either               otel        OpenTelemetry logs and traces

docs/exports.md says what each holds, and what it does not. The verifiable form is another: audit/export.py.
"""
