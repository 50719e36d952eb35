"""Process 1 of the machine under test: runs what it is told over its second serial line, one JSON request a line.

Standard library of `python3-minimal` only. A request: `{"run": [...], "in": NAMESPACE}`; the answer has
`code` and `output`.
"""

import json
import os
import subprocess

MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run"))
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONPATH": "/opt/quorate",  # as the router's image has it
    "PYTHONUNBUFFERED": "1",
}
LINE = "/dev/ttyS1"


def main() -> None:
    """Be a machine, for as long as somebody asks."""
    for kind, folder in MOUNTS:
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["mount", "-t", kind, kind, folder], check=True)
    os.environ |= ENVIRONMENT
    subprocess.run(["stty", "-F", LINE, "raw", "-echo"], check=True)
    with open(LINE, "rb", buffering=0) as questions, open(LINE, "wb", buffering=0) as answers:
        answers.write(b'{"ready": true}\n')
        while question := questions.readline():
            answers.write(json.dumps(answer(json.loads(question))).encode() + b"\n")


def answer(question: dict[str, object]) -> dict[str, object]:
    """Run a command; all that it says is one text."""
    command, namespace = question["run"], question.get("in")
    assert isinstance(command, list)
    if namespace:
        command = ["ip", "netns", "exec", str(namespace), *command]
    pipe, together = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=together, check=False)
    return {"code": done.returncode, "output": done.stdout.decode("utf-8", "replace")}


main()
