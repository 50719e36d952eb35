"""`wan show` and `wan apply DOCUMENT [SECONDS]`: asks the running router, prints its JSON."""

from __future__ import annotations

import json
import sys

from router.control import ask

USAGE = "usage: wan show | wan apply DOCUMENT [SECONDS]"


def request(arguments: list[str]) -> dict[str, object]:
    """The request that the arguments stand for."""
    match arguments:
        case ["show"]:
            return {"verb": "show"}
        case ["apply", document]:
            return {"verb": "apply", "links": json.loads(document)}
        case ["apply", document, seconds]:
            return {"verb": "apply", "links": json.loads(document), "seconds": float(seconds)}
    raise ValueError(USAGE)


def main() -> int:
    """Ask, print, and tell by the exit status whether it was done."""
    try:
        answer = ask(request(sys.argv[1:]))
    except (ValueError, OSError) as error:
        answer = {"error": str(error)}
    print(json.dumps(answer, indent=2))
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
