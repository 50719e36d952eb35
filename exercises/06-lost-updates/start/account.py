"""A bank's account in a database with three nodes, written by somebody in a hurry.

`connect(name)` gives a connection of PyMySQL, not in autocommit mode, to `db1`, `db2`, `db3`, or to `writer`: the one
node that the load balancer would send you to. `near` is the name of the node that is nearest to the caller, and so the
quickest. The table is `accounts (id INT PRIMARY KEY, balance INT)`.
"""


def deposit(connect, near, account, amount):
    """Add an amount to the account's balance. Returns when that is certain; raises if it was not done."""
    with connect(near) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
        (balance,) = cursor.fetchone()
        cursor.execute("UPDATE accounts SET balance = %s WHERE id = %s", (balance + amount, account))
        connection.commit()


def balance(connect, near, account):
    """What the account holds, with all deposits that returned before this was called. Asks the nearest node."""
    with connect(near) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
        return cursor.fetchone()[0]
