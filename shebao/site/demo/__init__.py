"""The demo city (示例城市): an invented Wuhan of units and people that lived through its months by our own operations.

Nothing in it is anybody's: see identities.py for why none of its numbers can have been issued. Same seed, same size and same day
give the same city. The parts, top down:

build.py      all of it in order, with progress        accounts.py   the sign-ins of people who try the hall
town.py       who works where, month by month (pure)   names.py      invented names (pure)
register.py   the town's moves into the register       identities.py numbers that were never issued (pure)
service.py    halls, bookings, questions, notices
money.py      bills paid, late, twice, or not at all   filings.py    办件 of the demo units
digest.py     the city as one number                   scale.py      how large, how long (pure)
"""
