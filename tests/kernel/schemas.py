# SPDX-License-Identifier: GPL-2.0-or-later
"""What ctc prints as JSON, held against the schemas that it is delivered with."""
import json

import jsonschema

from firewall import ROOT

SCHEMAS = ROOT / "schemas"


def schema_trouble(document: dict, schema: str = "apply") -> str:
    """What the schema has against it; the schema names another by a path beside its own."""
    wanted = json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    resolver = jsonschema.RefResolver(SCHEMAS.as_uri() + "/", wanted)
    error = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(wanted, resolver=resolver).iter_errors(document))
    return str(error) if error else ""
