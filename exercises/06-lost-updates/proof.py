"""Tries a student's account: many deposits at once from two places, or reading what was deposited.

Its word is `deposits` or `reads`.

Reads what it needs as JSON, prints findings as JSON in its last line.
"""

import importlib.util
import json
import math
import multiprocessing
import sys
from pathlib import Path

import pymysql

TELLERS, DEPOSITS, READS = 4, 60, 15
ACCOUNT = 1
ROWS = 60000
DONE_SHARE, NEAR_SHARE = 0.8, 0.9

given = json.load(sys.stdin)


def address(name):
    """Where a node is."""
    return given["addresses"][given["writer"] if name == "writer" else name]


def connect(name):
    """What the student's code gets."""
    asked.append(name)
    return pymysql.connect(
        host=address(name), user="root", password=given["database_password"], database="exercise", read_timeout=10
    )


asked: list[str] = []


def scalar(name, question):
    """One value, read at one node when it has all that was committed."""
    with connect(name) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION wsrep_sync_wait = 1")
        cursor.execute(question)
        return cursor.fetchone()[0]


def load():
    """The student's module."""
    spec = importlib.util.spec_from_file_location("account", Path(given["work"]) / "account.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare():
    """An empty account, and a table that keeps the nodes busy."""
    with connect("writer") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS accounts (id INT PRIMARY KEY, balance INT NOT NULL)")
        cursor.execute("REPLACE INTO accounts VALUES (%s, 0)", (ACCOUNT,))
        cursor.execute("CREATE TABLE IF NOT EXISTS bulk (id BIGINT AUTO_INCREMENT PRIMARY KEY, said VARCHAR(200))")
        connection.commit()
    asked.clear()


def nodes():
    """The writer and another one: the two places from which the deposits come."""
    other = next(name for name in ("db1", "db2", "db3") if name != given["writer"])
    return [given["writer"], other]


def teller(near):
    """One teller, a process of its own: how many deposits were acknowledged, and what was said to the others."""
    done, refused = 0, []
    for _ in range(DEPOSITS):
        try:
            student.deposit(connect, near, ACCOUNT, 1)
        except Exception as error:
            refused.append(f"{type(error).__name__}: {error}")
        else:
            done += 1
    return done, refused


def deposits(_account):
    """Many at once, from two places; then the balance must be what was acknowledged."""
    places = [nodes()[number % 2] for number in range(TELLERS)]
    with multiprocessing.get_context("fork").Pool(TELLERS) as tellers:
        told = tellers.map(teller, places, 1)
    done, refused = sum(count for count, _ in told), [why for _, reasons in told for why in reasons]
    there = scalar("writer", f"SELECT balance FROM accounts WHERE id = {ACCOUNT}")
    lost = done - there
    says = f"{done} deposits of 1 were acknowledged, and the account holds {there}"
    found = [{"ok": lost == 0, "says": says, "measured": {"lost": lost}}]
    if done < DONE_SHARE * TELLERS * DEPOSITS:
        least = round(DONE_SHARE * TELLERS * DEPOSITS)
        says = f"{done} of {TELLERS * DEPOSITS} deposits were done, {least} should be; the others: {refused[0][:80]}"
        found.append({"ok": False, "says": says})
    return found


def reads(account):
    """One deposit at the writer's place, one look from the other place, again and again, while the nodes are busy."""
    here, there = nodes()
    stale, looks = 0, []
    with connect("writer") as busy, busy.cursor() as cursor:
        for number in range(1, READS + 1):
            cursor.execute("INSERT INTO bulk (said) SELECT REPEAT('x', 180) FROM seq_1_to_" + str(ROWS))
            busy.commit()  # acknowledged, and on the other nodes still to be carried out
            account.deposit(connect, here, ACCOUNT, 1)
            before = len(asked)
            seen = account.balance(connect, there, ACCOUNT)
            looks += asked[before:]
            stale += seen != number
        cursor.execute("DROP TABLE bulk")
    near = sum(name == there for name in looks)
    away = len(looks) - near
    least = math.ceil(NEAR_SHARE * READS)
    return [
        {
            "ok": stale == 0,
            "says": f"{stale} of {READS} looks did not show a deposit that had just been acknowledged",
            "measured": {"stale": stale},
        },
        {
            "ok": near >= least and away <= READS - least,
            "says": f"{near} looks asked the nearest node, {away} another one; of {READS} looks at least {least}, and "
            f"at most {READS - least}, are right",
        },
    ]


prepare()
try:
    student = load()
    findings = (deposits if sys.argv[1] == "deposits" else reads)(student)
except Exception as error:
    findings = [{"ok": False, "says": f"your program ends with {type(error).__name__}: {error}"}]
print(json.dumps(findings))
