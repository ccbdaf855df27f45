"""个人账户: what was credited, yearly interest, settlements, months counted. It knows no dues: who collects tells it what came in."""
