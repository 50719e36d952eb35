"""A bank's account in a database with three nodes, written by somebody in a hurry.

`connect(name)` gives a connection of PyMySQL, not in autocommit mode, to `db1`, `db2`, `db3`, or to `writer`: the one
node that the load balancer would send you to. `near` is the name of the node that is nearest to the caller, and so the
quickest. The table is `accounts (id INT PRIMARY KEY, balance INT)`.
"""

import pymysql

DEADLOCK = 1213
TRIES = 20


def deposit(connect, near, account, amount):
    """Add an amount to the account's balance. Returns when that is certain; raises if it was not done.

    All deposits meet at one node, where the lock of the row puts them in a line; the database adds, so nobody writes
    what he read a moment ago. Whoever is told that his transaction lost tries again: nothing was written.
    """
    for left in reversed(range(TRIES)):
        try:
            with connect("writer") as connection, connection.cursor() as cursor:
                cursor.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, account))
                connection.commit()
                return
        except pymysql.err.OperationalError as error:
            if error.args[0] != DEADLOCK or not left:
                raise


def balance(connect, near, account):
    """What the account holds, with all deposits that returned before this was called. Asks the nearest node."""
    with connect(near) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION wsrep_sync_wait = 1")  # wait until this node has what was committed elsewhere
        cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
        return cursor.fetchone()[0]
